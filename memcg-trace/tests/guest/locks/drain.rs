//! A deadlock without a lock: rmdir of a cgroup waits for a dying task in it; that task is the init
//! of a pid namespace and waits for a zombie; and only the task in rmdir can reap the zombie. Some
//! kernels wait there (6.19 to 7.0.6), and some do not.

use std::fs::{self, File};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

use rustix::fs::RawDir;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::coredump::stack;
use super::look;
use super::reap::{number, only_child, status};
use crate::fault::Missing;
use crate::host::{Cgroup, Folder, Process, eventually, kernel};
use crate::tool;

/// The init of a pid namespace. A process of it enters the namespace below, and leaves a child
/// there that this init has to reap. A shell would reap the child at its next command, so the shell
/// becomes a program that reaps nothing; that program blocks at the first directory.
const SCRIPT: &str = "unshare -p -f sleep 1000000 &
read inner
nsenter -t $inner -p sleep 1000000 &
exec rmdir \"$1\" \"$0\"";

/// The child of a process that has this name.
fn child(of: Pid, name: &str) -> Pid {
    eventually("a child", || {
        let of = of.as_raw_nonzero();
        let path = format!("/proc/{of}/task/{of}/children");
        let children = fs::read_to_string(path).unwrap_or_default();
        let pids = children
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok());
        let mut pids = pids.filter_map(Pid::from_raw);
        let found = pids.find(|pid| status(*pid, "Name:") == name);
        found.ok_or(children)
    })
}

fn has_state(pid: Pid, wanted: &str) {
    eventually(wanted, || {
        let state = status(pid, "State:");
        if state.starts_with(wanted) {
            Ok(())
        } else {
            Err(state)
        }
    });
}

fn deadlocks(data: &Value) -> Vec<&Value> {
    let items = data["items"].as_array().unwrap().iter();
    items.filter(|item| item["type"] == "deadlock").collect()
}

#[test]
fn who_removes_a_cgroup_is_to_reap_what_it_waits_for() {
    let cgroup = Cgroup::new("drained");
    let folder = Folder::new("drain");
    let first = folder.file("first");
    fs::create_dir(&first).unwrap();
    // A task that lists a directory has its lock, and this one is blocked.
    let missing = Missing::new();
    let (buffer, path) = (missing.buffer(), folder.path().to_owned());
    let listing = thread::spawn(move || {
        let folder = File::open(path).unwrap();
        RawDir::new(folder, buffer).next().unwrap().unwrap();
    });
    missing.wait_for_reader();
    let mut command = Command::new("unshare");
    command
        .args(["-p", "-f", "sh", "-c", SCRIPT])
        .arg(cgroup.dir())
        .arg(first);
    let mut outer = Process(command.stdin(Stdio::piped()).spawn().unwrap());
    let mut words = outer.0.stdin.take().unwrap();
    let remover = only_child(Pid::from_child(&outer.0));
    let init = only_child(child(remover, "unshare"));
    cgroup.set("cgroup.procs", &number(init).to_string());
    writeln!(words, "{}", number(init)).unwrap();
    let sender = child(remover, "nsenter");
    let zombie = child(sender, "sleep");
    has_state(remover, "D");
    kill_process(sender, Signal::KILL).unwrap();
    has_state(sender, "Z");
    kill_process(init, Signal::KILL).unwrap();
    has_state(zombie, "Z");
    missing.give();
    listing.join().unwrap();

    let waits = kernel() == (7, 0);
    if waits {
        eventually("it waits for the dying", || {
            let stack = stack(number(remover));
            match stack.contains("cgroup_drain_dying") {
                true => Ok(()),
                false => Err(stack),
            }
        });
    } else {
        let ended = outer.0.wait().unwrap();
        assert!(ended.success(), "{ended}");
    }
    if !waits {
        let (data, code) = look::answer(&[]);
        assert_eq!(deadlocks(&data), Vec::<&Value>::new());
        assert_eq!(look::known_bugs(&data), Vec::<&str>::new());
        assert_eq!(code, Some(0));
        return;
    }
    // Waits are judged from a second on.
    let (data, code) = look::asked("deadlock");
    let deadlocks = deadlocks(&data);
    assert_eq!(code, Some(4));
    assert_eq!(look::known_bugs(&data), ["rmdir_reap"]);
    assert_eq!(deadlocks.len(), 1);
    assert_eq!(deadlocks[0]["state"], "confirmed");
    let sentence = deadlocks[0]["sentence"].as_str().unwrap();
    let drains = format!("waits for the dying tasks of {}", cgroup.path());
    assert!(sentence.contains(&drains), "{sentence}");
    let members = deadlocks[0]["members"].as_array().unwrap().iter();
    let mut members: Vec<_> = members.map(|task| task["tid"].as_u64().unwrap()).collect();
    members.sort_unstable();
    let mut expected = [remover, init, zombie].map(|pid| u64::from(number(pid)));
    expected.sort_unstable();
    assert_eq!(members, expected);
    let why = tool::run(&["why", &cgroup.path()]);
    let why = tool::stdout(&why);
    let remover = format!("rmdir[{}] is in rmdir(2) of it", number(remover));
    assert!(why.contains(&remover) && why.contains("deadlock"), "{why}");
    // Nothing ends the deadlock: this guest runs this test alone.
    std::mem::forget((outer, cgroup));
}
