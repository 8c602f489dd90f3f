//! Work items of a workqueue that runs one at a time: the first waits for the second, so that its
//! worker waits for itself. And a wait that no known task ends.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::coredump::stack;
use super::lock_module;
use super::look;
use crate::host::{Cgroup, Process, eventually};
use crate::tool;

const MODULE: &str = "/bin/works.ko";
const FILE: &str = "/proc/works_to_do";

fn write(file: &str, word: &str) {
    let mut file = File::options().write(true).open(file).unwrap();
    file.write_all(word.as_bytes()).unwrap();
}

/// A process that writes a word and then stops in a function of the kernel.
fn stops(word: &str, function: &str) -> Process {
    stops_in(&format!("echo {word} >{FILE}"), function)
}

/// A shell that stops in a function of the kernel.
fn stops_in(script: &str, function: &str) -> Process {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", script]);
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
        write(FILE, &format!("block{pair}"));
        let mut behind = [
            stops(&format!("flush{pair}"), "flush_work"),
            // The first flush of all work waits for the workers, the second flush is queued.
            stops(&format!("all{pair}"), "flush_workqueue"),
            stops(&format!("all{pair}"), "flush_workqueue"),
        ];
        let (data, code) = look::asked("deadlock");
        assert_eq!(code, Some(4));
        assert_eq!(look::known_bugs(&data), Vec::<&str>::new());
        let deadlocks = items(&data, "deadlock");
        assert_eq!(deadlocks.len(), 1);
        let members = deadlocks[0]["members"].as_array().unwrap();
        assert_eq!(members.len(), 1, "a worker that waits for itself");
        let comm = members[0]["comm"].as_str().unwrap();
        assert!(comm.starts_with("kworker/"), "{comm}");
        let victims = deadlocks[0]["victims"].as_array().unwrap().iter();
        let mut victims: Vec<_> = victims.map(|task| task["tid"].as_u64().unwrap()).collect();
        victims.sort_unstable();
        let mut all = behind.each_ref().map(|one| u64::from(one.0.id()));
        all.sort_unstable();
        assert_eq!(victims, all);
        if pair == 0 {
            let items = tool::without_symbols(&["wq_barrier_func", "workqueues"]);
            let why = look::undecided_without(&items);
            assert!(why.contains(&"which item it is was not found".to_owned()));
            assert!(look::is_unread(&why), "{why:?}");
        }

        write(FILE, &format!("undo{pair}"));
        for one in &mut behind {
            assert!(one.0.wait().unwrap().success());
        }
        let (_, code) = look::asked("no_deadlock");
        assert_eq!(code, Some(0));
    }

    // No task is known to complete it: the output says so, with the place.
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

/// A task has a lock and changes controllers, for which a dead one has to go offline first. The
/// offline work is queued behind a work item that waits for the lock.
#[test]
fn a_cgroup_that_goes_offline_behind_who_waits_for_it() {
    const CONTROLLERS: &str = "/sys/fs/cgroup/cgroup.subtree_control";
    if !lock_module::is_built() {
        println!("skipped: no test module for this kernel");
        return;
    }
    lock_module::load();
    let cgroup = Cgroup::new("offline-behind");
    write(CONTROLLERS, "+pids");
    // Each CPU has a queue of its own.
    let script = format!(
        "taskset -p 1 $$; exec 3>{}; echo m40 >&3; echo q40 >&3; \
         echo -pids >{CONTROLLERS}; echo +pids >{CONTROLLERS}; echo -pids >{CONTROLLERS}",
        lock_module::FILE
    );
    let mut changer = stops_in(&script, "cgroup_lock_and_drain_offline");
    assert_offline_deadlock(changer.0.id());
    let queues = tool::without_symbols(&["autoremove_wake_function"]);
    let why = look::undecided_without(&queues);
    assert!(why.contains(&"which cgroup it is was not found".to_owned()));

    write(lock_module::FILE, "u40");
    assert!(changer.0.wait().unwrap().success());
    drop(cgroup);
    assert_eq!(look::asked("no_deadlock").1, Some(0));
}

fn assert_offline_deadlock(changer: u32) {
    let (data, code) = look::asked("deadlock");
    assert_eq!(code, Some(4));
    assert_eq!(look::known_bugs(&data), ["drain_offline"]);
    let deadlocks = items(&data, "deadlock");
    assert_eq!(deadlocks.len(), 1);
    let members = deadlocks[0]["members"].as_array().unwrap().iter();
    let (workers, others): (Vec<_>, Vec<_>) =
        members.partition(|task| task["comm"].as_str().unwrap().starts_with("kworker/"));
    assert_eq!((workers.len(), others.len()), (1, 1));
    assert_eq!(others[0]["tid"], changer);
    // A work item of this cgroup, or of one of an earlier test.
    let sentence = deadlocks[0]["sentence"].as_str().unwrap();
    assert!(
        sentence.contains("the offline work of pids of /"),
        "{sentence}"
    );
}
