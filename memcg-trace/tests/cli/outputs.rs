//! Outputs that nobody reads, that are full, or that end too early.

use super::*;

#[test]
fn nobody_reads_any_more() {
    let samples: Vec<Sample> = demo().into_iter().cycle().take(2_000).collect();
    let path = recording("pipe", host(), &samples);
    let mut child = memcg_trace(&["export", "--from", &path])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), stderr(&output).as_str()),
        (Some(0), "")
    );
}

#[test]
fn a_reader_that_sleeps_does_not_keep_a_signal_from_ending_it() {
    let samples: Vec<Sample> = demo().into_iter().cycle().take(2_000).collect();
    let path = recording("sleepy", host(), &samples);
    let mut child = memcg_trace(&["export", "--from", &path])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The program has begun to write, and soon sleeps in write(2).
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut String::new()).unwrap();
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_full_disk_is_one_line() {
    let path = recording("full", host(), &demo());
    assert_fails(
        &run(&["export", "--from", &path, "-o", "/dev/full"]),
        1,
        &["cannot write to /dev/full", "No space left"],
    );
    assert_fails(
        &run(&["--from", &path, "-o", "/dev/full"]),
        1,
        &["No space left"],
    );
    assert_fails(
        &run(&["record", "/dev/full", "--from", &path]),
        1,
        &["No space left"],
    );
    let not_there = "/no/such/folder/records";
    for file in [not_there, env!("CARGO_TARGET_TMPDIR")] {
        assert_fails(
            &run(&["export", "--from", &path, "-o", file]),
            1,
            &["cannot write to", file],
        );
    }
    let full = memcg_trace(&["export", "--from", &path])
        .stdout(File::options().write(true).open("/dev/full").unwrap())
        .output()
        .unwrap();
    assert_fails(&full, 1, &["standard output", "No space left"]);
    assert_fails(
        &run(&["export", "--from", &path, "-o", "/no/such/folder/x"]),
        1,
        &["/no/such/folder/x"],
    );
}

/// A limit on the size of files stands in for a disk that fills up within a record.
#[test]
fn no_half_record_is_left_behind() {
    let path = recording("half", host(), &demo());
    for (verb, limit) in [
        ("export --from FROM -o OUT", 10),
        ("record OUT --from FROM", 1),
    ] {
        let out = format!("{path}.{}", verb.split(' ').next().unwrap());
        let line = verb.replace("FROM", &path).replace("OUT", &out);
        let binary = env!("CARGO_BIN_EXE_memcg-trace");
        // Blocks of 1024 bytes; without the trap, SIGXFSZ would end the program.
        let script = format!("trap '' XFSZ; ulimit -f {limit}; exec {binary} {line}");
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        assert_fails(&output, 1, &[&out, "File too large"]);
        let written = fs::read(&out).unwrap();
        if verb.starts_with("export") {
            assert!(
                written.len() > 5_000 && written.ends_with(b"}\n"),
                "{}",
                written.len()
            );
        } else {
            let mut reader = Reader::open(&*written).unwrap();
            while reader.read_sample().unwrap().is_some() {}
            assert!(!reader.is_cut());
        }
    }
}
