//! Work items of a workqueue that runs one at a time: the first waits for the second, so that its
//! worker waits for itself. And a wait that nobody is known to end.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::coredump::stack;
use super::look;
use crate::host::{Process, eventually};

const MODULE: &str = "/bin/works.ko";
const FILE: &str = "/proc/works_to_do";

fn write(word: &str) {
    let mut file = File::options().write(true).open(FILE).unwrap();
    file.write_all(word.as_bytes()).unwrap();
}

/// A process that writes a word and stops there.
fn stops(word: &str, function: &str) -> Process {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("echo {word} >{FILE}")]);
    let process = Process(shell.stdin(Stdio::null()).spawn().unwrap());
    eventually("a task that stops", || {
        let stack = stack(process.0.id());
        match stack.contains(function) {
            true => Ok(()),
            false => Err(stack),
        }
    });
    process
}

fn items<'a>(data: &'a Value, kind: &str) -> Vec<&'a Value> {
    let items = data["items"].as_array().unwrap().iter();
    items.filter(|item| item["type"] == kind).collect()
}

#[test]
fn a_worker_that_waits_for_what_only_it_may_start() {
    if !Path::new(MODULE).exists() {
        println!("skipped: no test module for this kernel");
        return;
    }
    let loaded = Command::new("insmod").arg(MODULE).status().unwrap();
    assert!(loaded.success(), "{loaded}");
    for pair in [0, 1] {
        write(&format!("block{pair}"));
        let mut behind = stops(&format!("flush{pair}"), "flush_work");
        let (data, code) = look::asked("deadlock");
        assert_eq!(code, Some(4));
        let deadlocks = items(&data, "deadlock");
        assert_eq!(deadlocks.len(), 1);
        let members = deadlocks[0]["members"].as_array().unwrap();
        assert_eq!(members.len(), 1, "a worker that waits for itself");
        let comm = members[0]["comm"].as_str().unwrap();
        assert!(comm.starts_with("kworker/"), "{comm}");
        let victims = deadlocks[0]["victims"].as_array().unwrap().iter();
        let victims: Vec<_> = victims.map(|task| task["tid"].as_u64()).collect();
        assert_eq!(victims, [Some(u64::from(behind.0.id()))]);

        write(&format!("undo{pair}"));
        assert!(behind.0.wait().unwrap().success());
        let (_, code) = look::asked("no_deadlock");
        assert_eq!(code, Some(0));
    }

    // Who completes it, nobody knows: that is said, and where.
    let lost = stops("lose0", "works_write");
    let (data, code) = look::asked("undecided");
    assert_eq!(code, Some(5));
    let ends = items(&data, "open_end");
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0]["function"], "works_write");
    assert_eq!(ends[0]["waiter"]["tid"], lost.0.id());
    assert_eq!(ends[0]["why"], "who completes it is not known");
    drop(lost);
    let (_, code) = look::asked("no_deadlock");
    assert_eq!(code, Some(0));
    let unloaded = Command::new("rmmod").arg("works").status();
    assert!(unloaded.unwrap().success());
}
