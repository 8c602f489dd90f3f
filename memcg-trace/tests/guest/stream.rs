//! Ends of a stream: a count, a time, a signal, a reader that is gone, a full disk.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::export::Export;
use crate::host::eventually;
use crate::tool;
use crate::traces::leaves_nothing;

#[test]
fn by_count() {
    let records =
        leaves_nothing(|| tool::records(&tool::run(&["export", "-i", "100ms", "-n", "3"])));
    let frames: Vec<_> = records
        .iter()
        .filter(|record| record.kind == "frame")
        .collect();
    println!("{} records, {} frames", records.len(), frames.len());
    assert_eq!(frames.len(), 3);
    assert_eq!(records.last().unwrap().kind, "frame");
    assert_eq!(frames[0].data["interval_ns"], serde_json::Value::Null);
    assert!(frames[1].number("interval_ns") > 0);
    assert!(frames.is_sorted_by_key(|frame| frame.mono_ns));
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    assert_eq!(records[0].boot_id, boot_id.trim());
}

fn by_time() {
    let begin = Instant::now();
    let records = tool::records(&tool::run(&[
        "export",
        "-i",
        "100ms",
        "--duration",
        "500ms",
    ]));
    println!("{} records in {:?}", records.len(), begin.elapsed());
    assert!(begin.elapsed() >= Duration::from_millis(500));
    assert_eq!(records.last().unwrap().kind, "frame");
}

#[test]
fn by_signal() {
    leaves_nothing(|| {
        // Every other test covers Ctrl-C.
        for signal in [Signal::TERM, Signal::HUP] {
            let export = Export::start(&[]);
            let begin = Instant::now();
            export.signal(signal);
            let (rest, code) = export.end();
            println!(
                "{signal:?}: exit code {code:?} after {:?}, {} more frames",
                begin.elapsed(),
                rest.len()
            );
            assert_eq!(code, Some(0));
        }
    });
}

/// "Did not look" must not read as "nothing found".
#[test]
fn before_anything_was_looked_at() {
    for (args, code) in [
        (&["locks", "--fail-on", "deadlock"][..], 5),
        (&["zombies", "--json", "--fail-on", "zombies=1"], 5),
        (&["pins"], 1),
        (&["slab"], 1),
        (&["reclaim"], 1),
        (&["export"], 1),
        (&["record", "/tmp/early"], 1),
        (&["--json"], 1),
    ] {
        leaves_nothing(|| {
            let mut child = tool::command(args)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            // The program handles signals once it has a thread for them, long before its first
            // sample.
            let threads = format!("/proc/{}/task", child.id());
            eventually("a thread that waits for signals", || {
                let count = fs::read_dir(&threads).unwrap().count();
                let has_ended = child.try_wait().unwrap();
                assert_eq!(has_ended, None, "{args:?} has ended before");
                (count > 1).then_some(()).ok_or_else(|| count.to_string())
            });
            let pid = Pid::from_child(&child);
            kill_process(pid, Signal::TERM).unwrap();
            let output = child.wait_with_output().unwrap();
            println!("{args:?}: {}, {}", output.status, tool::stderr(&output));
            assert_eq!(output.status.code(), Some(code), "{args:?}");
            assert_eq!(tool::stdout(&output), "", "{args:?}");
        });
    }
    let _ = fs::remove_file("/tmp/early");
}

/// SIGKILL leaves no time to clean up, but the kernel detaches everything.
#[test]
fn by_sigkill_nothing_stays_attached() {
    leaves_nothing(|| {
        let export = Export::start(&[]);
        export.signal(Signal::KILL);
        let (_, code) = export.end();
        assert_eq!(code, None);
    });
}

#[test]
fn by_a_reader_that_is_gone() {
    let mut child = tool::command(&["export", "-i", "50ms"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    drop(stdout);
    let begin = Instant::now();
    let output = child.wait_with_output().unwrap();
    println!("closed pipe: {} after {:?}", output.status, begin.elapsed());
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(tool::stderr(&output), "");
}

/// A file system of so many KiB.
struct Small(&'static str);

impl Small {
    fn mount(kib: u32) -> Self {
        let at = "/tmp/small";
        fs::create_dir(at).unwrap();
        let size = format!("size={kib}k");
        let status = Command::new("/bin/mount")
            .args(["-t", "tmpfs", "-o", &size, "small", at])
            .status();
        assert!(status.unwrap().success());
        Self(at)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("/bin/umount").arg(self.0).status();
        let _ = fs::remove_dir(self.0);
    }
}

#[test]
fn by_a_full_disk() {
    let small = Small::mount(64);
    let file = format!("{}/records", small.0);
    let output = leaves_nothing(|| tool::run(&["export", "-i", "10ms", "-o", &file]));
    tool::assert_fails(&output, 1, &[&file, "No space left on device"]);
    assert_eq!(tool::stdout(&output), "");
    let records = tool::parse(&fs::read_to_string(&file).unwrap());
    println!(
        "full disk: {} bytes, {} whole records",
        fs::metadata(&file).unwrap().len(),
        records.len()
    );
    assert!(records.len() > 10);
}

#[test]
fn a_file_that_cannot_be_written() {
    let file = "/proc/no-such/file";
    let output = leaves_nothing(|| tool::run(&["export", "-n", "1", "-o", file]));
    tool::assert_fails(&output, 1, &[file]);
}

/// Two instances at once do not affect each other.
#[test]
fn two_at_once_and_one_by_time() {
    leaves_nothing(|| {
        let mut one = Export::start(&[]);
        by_time();
        one.fresh();
        one.stop();
    });
}
