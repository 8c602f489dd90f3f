//! `export --changes`, the files it makes, and what `export --whole` makes of them.

use super::*;

const STREAM: [&str; 4] = ["export", "--changes", "--whole-every", "3"];

fn exported(args: &[&str], path: &str) -> Vec<u8> {
    let output = run(&[args, &["--from", path]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    output.stdout
}

/// The demo, some times over: time continues.
fn long_demo() -> Vec<Sample> {
    let again = (0..4_i64).flat_map(|round| {
        demo().into_iter().map(move |sample| Sample {
            mono_ns: sample.mono_ns + round.unsigned_abs() * 5 * fixture::SECOND,
            unix_ns: sample.unix_ns + round * 5_000_000_000,
            ..sample
        })
    });
    again.collect()
}

/// Checks an end with code 1, and what is said of it.
fn assert_lost(output: &std::process::Output, parts: &[&str]) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in parts {
        assert!(said.contains(part), "{said:?} lacks {part:?}");
    }
}

#[test]
fn changes_are_fewer_and_make_whole_snapshots() {
    let path = recording("changes", host(), &long_demo());
    let whole = exported(&["export"], &path);
    let changed = exported(&STREAM, &path);
    assert!(changed.len() < whole.len() * 2 / 3, "{}", changed.len());
    let changed_file = file("changes.ndjson", &changed);
    let rebuilt = run(&["export", "--whole", &changed_file]);
    assert_eq!(rebuilt.status.code(), Some(0), "{}", stderr(&rebuilt));
    assert!(rebuilt.stdout == whole);
    checked(&stdout(&rebuilt));

    // Compressed files, in and out, and standard input.
    let packed = format!("{changed_file}.zst");
    exported(&[&STREAM[..], &["-o", &packed]].concat(), &path);
    assert!(fs::metadata(&packed).unwrap().len() * 3 < changed.len() as u64);
    let unpacked = format!("{changed_file}.whole");
    let output = run(&["export", "--whole", &packed, "-o", &unpacked]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(fs::read(&unpacked).unwrap() == whole);
    let piped = memcg_trace(&["export", "--whole", "-"])
        .stdin(File::open(&packed).unwrap())
        .output()
        .unwrap();
    assert!(piped.stdout == whole);

    // Others say that these are not whole.
    let compared = run(&["compare", &changed_file, &unpacked]);
    assert_fails(&compared, 1, &["export --whole FILE"]);
}

#[test]
fn what_is_lost_is_said_and_the_rest_is_rebuilt() {
    let path = recording("lost", host(), &long_demo());
    let whole = exported(&["export"], &path);
    let changed = exported(&STREAM, &path);
    let lines: Vec<&[u8]> = changed.split_inclusive(|byte| *byte == b'\n').collect();
    let starts: Vec<usize> = (lines.iter().enumerate())
        .filter(|(_, line)| line.windows(13).any(|part| part == b"\"type\":\"base\""))
        .map(|(at, _)| at)
        .collect();
    assert_eq!(starts.len(), 20);
    let of = |name: &str, lines: &[&[u8]]| {
        let output = run(&["export", "--whole", &file(name, &lines.concat())]);
        let rebuilt = stdout(&output);
        let original = String::from_utf8_lossy(&whole);
        assert!(rebuilt.lines().all(|line| original.contains(line)));
        let frames = rebuilt
            .lines()
            .filter(|line| line.contains("\"type\":\"frame\""));
        (frames.count(), output)
    };
    // The first whole snapshot was rotated away: two build on it.
    let (frames, output) = of("lost-first", &lines[starts[1]..]);
    assert_eq!(frames, 17);
    assert_lost(
        &output,
        &["since frame 0, which is not there", "2 snapshots could not"],
    );
    // The end is missing.
    let (frames, output) = of("lost-end", &lines[..starts[19] + 1]);
    assert_eq!(frames, 19);
    assert_lost(&output, &["snapshot 19", "its last record is missing"]);
    // A figure was changed: nothing is made of it, nor of what builds on it.
    let is_of_slab = |line: &&[u8]| {
        let line = String::from_utf8_lossy(line);
        line.contains("\"type\":\"changed\"") && line.contains("\"of\":\"slab\"")
    };
    let changed_line = lines.iter().position(is_of_slab);
    let mut other: Vec<&[u8]> = lines.clone();
    let line = String::from_utf8_lossy(lines[changed_line.unwrap()]).into_owned();
    let (start, row) = line.rsplit_once("]]").unwrap();
    let (start, _) = start.rsplit_once(',').unwrap();
    let other_line = format!("{start},12345]]{row}");
    other[changed_line.unwrap()] = other_line.as_bytes();
    let (frames, output) = of("lost-figure", &other);
    assert_eq!(frames, 18);
    assert_lost(
        &output,
        &["snapshot 1 ", "its checksum differs", "snapshot 2 "],
    );
    // No changes at all.
    let plain = run(&["export", "--whole", &file("lost-plain", &whole)]);
    assert_lost(&plain, &["its first record is missing"]);
    let empty = run(&["export", "--whole", &file("lost-empty", b"")]);
    assert_fails(&empty, 1, &["there is not one snapshot"]);
    // A compressed file without its end, as a killed program leaves it.
    let packed = zstd::encode_all(&*changed, 3).unwrap();
    let cut = &packed[..packed.len() - 1];
    assert_lost(
        &run(&["export", "--whole", &file("lost.zst", cut)]),
        &["cut off"],
    );
}

#[test]
fn full_files_are_put_aside_and_the_oldest_go() {
    let path = recording("rotated", host(), &long_demo());
    let whole = exported(&["export"], &path);
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("rotated");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    let out = folder.join("records.ndjson.zst");
    let out = out.to_str().unwrap();
    let export = |more: &[&str]| {
        exported(
            &[&STREAM[..], &["--rotate-time", "4s", "-o", out], more].concat(),
            &path,
        );
        let files = fs::read_dir(&folder).unwrap();
        let mut files: Vec<String> = files
            .map(|file| file.unwrap().path().to_str().unwrap().to_owned())
            .collect();
        files.sort();
        files
    };
    let rebuilt = |file: &String| {
        let output = run(&["export", "--whole", file]);
        assert_eq!(output.status.code(), Some(0), "{file}: {}", stderr(&output));
        output.stdout
    };
    let files = export(&[]);
    assert_eq!(files.len(), 5, "{files:?}");
    assert!(
        files[0].ends_with("records-20260921T141323Z.ndjson.zst"),
        "{files:?}"
    );
    assert_eq!(files[4], out);
    // Each begins with a whole snapshot, and together they have all.
    let all: Vec<u8> = files.iter().flat_map(rebuilt).collect();
    assert!(all == whole);

    // Files of others stay, and what an earlier run left counts as old.
    let others = folder.join("records-notes.ndjson.zst");
    fs::write(&others, "mine").unwrap();
    let files = export(&["--rotate-keep", "2"]);
    assert_eq!(files.len(), 4, "{files:?}");
    assert_eq!(fs::read(&others).unwrap(), b"mine");

    let small = exported(
        &[
            "export",
            "--rotate-size",
            "1K",
            "-o",
            &format!("{out}.small"),
        ],
        &path,
    );
    assert_eq!(small, b"");
    let named = |file: &std::path::PathBuf| file.to_str().unwrap().contains(".small");
    let files = fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    assert_eq!(files.filter(named).count(), 20);
}

#[test]
fn flags_that_mean_nothing() {
    let path = recording("vain", host(), &demo());
    for (args, part) in [
        ("export --whole FILE --changes", "--whole rebuilds"),
        ("export --whole FILE --from FILE", "--whole rebuilds"),
        ("export --from FILE --rotate-size 1M", "-o FILE only"),
        (
            "export --from FILE --rotate-keep 3 -o OUT",
            "--rotate-keep is for",
        ),
        ("export --from FILE --whole-every 3", "--whole-every is for"),
    ] {
        let args: Vec<&str> = args
            .split(' ')
            .map(|arg| if arg == "FILE" { &path } else { arg })
            .collect();
        let output = run(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
    let device = run(&[
        "export",
        "--from",
        &path,
        "--rotate-size",
        "1M",
        "-o",
        "/dev/null",
    ]);
    assert_fails(&device, 1, &["only a file can be rotated"]);
}

#[test]
fn what_top_leaves_out_is_said() {
    let path = recording("top", host(), &demo());
    let records = checked(&stdout(&run(&["export", "--from", &path, "--top", "3"])));
    let all = checked(&stdout(&run(&["export", "--from", &path])));
    assert!(all.iter().all(|record| record["type"] != "omitted"));
    let of = |records: &[Value], kind: &str| {
        let records = records
            .iter()
            .filter(|one| one["type"] == kind && one["frame"] == 4);
        records.count() as u64
    };
    let omitted = records
        .iter()
        .filter(|one| one["type"] == "omitted" && one["frame"] == 4);
    let mut kinds = Vec::new();
    for omitted in omitted.map(|one| &one["data"]) {
        let kind = omitted["of"].as_str().unwrap();
        let rows = omitted["rows"].as_u64().unwrap();
        assert_eq!(of(&records, kind) + rows, of(&all, kind), "{kind}");
        kinds.push(kind);
    }
    assert!(
        kinds.contains(&"memcg") && kinds.contains(&"zombie"),
        "{kinds:?}"
    );
}
