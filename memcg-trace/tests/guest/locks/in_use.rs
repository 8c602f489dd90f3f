//! Waits until nobody uses a thing any more that counts its users: a file of sysfs, and the queue
//! of a block device.

use std::process::{Command, Stdio};

use super::coredump::stack;
use super::lock_module::{self, Taker};
use super::look;
use super::servers::assert_deadlock;
use crate::disk;
use crate::host::{Process, eventually};
use crate::suspend::Device;
use crate::tool;

/// A shell that executes a command, once it sleeps in one of some functions.
fn stops(command: &str, functions: &[&str]) -> Process {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", command]);
    let process = Process(
        shell
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    eventually("a task that stops", || {
        let stack = stack(process.0.id());
        match functions.iter().any(|one| stack.contains(one)) {
            true => Ok(()),
            false => Err(stack),
        }
    });
    process
}

/// Whoever removes a file waits for its reader, and has the lock that the reader waits for.
#[test]
fn a_file_of_sysfs_that_is_removed_while_it_is_read() {
    assert!(lock_module::is_built(), "xtask runs this with modules only");
    let mut remover = Taker::with(&["m0"]);
    let reader = stops("exec cat /sys/kernel/locks_to_take/mutex", &["show"]);
    remover.tell("d0");
    eventually("a task that removes the file", || {
        let stack = stack(remover.tid());
        match stack.contains("kernfs_drain") || stack.contains("__kernfs_remove") {
            true => Ok(()),
            false => Err(stack),
        }
    });
    assert_deadlock(&[remover.tid(), reader.0.id()]);

    let operations = tool::without_symbols(&["kernfs_file_fops"]);
    let why = look::undecided_without(&operations);
    assert!(look::is_unread(&why), "{why:?}");
    drop(reader);
    assert_eq!(look::asked("no_deadlock").1, Some(0));
    drop(remover);
}

/// A request that the device below does not answer keeps the queue of a loop device in use.
#[test]
fn a_queue_that_is_frozen_behind_a_request() {
    let run = |command: &str| {
        let output = Command::new("/bin/sh").args(["-c", command]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let device = Device::over(&disk::unused(), "unanswered");
    let below = device.path.display().to_string();
    let used = run(&format!("losetup -f && losetup -f {below}"));
    let disk = used.trim().trim_start_matches("/dev/");
    device.suspend();
    let mut reader = stops(
        &format!("exec dd if=/dev/{disk} of=/dev/null bs=4096 count=1"),
        &["read"],
    );
    let freezer = format!("echo 64 >/sys/block/{disk}/queue/nr_requests");
    let mut freezer = stops(
        &freezer,
        &["blk_mq_freeze_queue_wait", "blk_mq_freeze_queue"],
    );
    let (data, code) = look::answer(&["--min-wait", "10ms"]);
    device.resume();
    assert!(reader.0.wait().unwrap().success() && freezer.0.wait().unwrap().success());
    run(&format!("losetup -d /dev/{disk}"));
    println!("{data:#}");
    assert_eq!(code, Some(5));
    assert_eq!(data["summary"]["verdict"], "undecided");
    let mut items = data["items"].as_array().unwrap().iter();
    let end = items
        .find(|item| item["waiter"]["tid"] == freezer.0.id())
        .unwrap();
    let why = end["why"].as_str().unwrap();
    assert!(why.contains("it does not record whose"), "{why}");
    let name = end["resource"]["name"].as_str().unwrap();
    assert!(name.starts_with("the queue of "), "{name}");
}
