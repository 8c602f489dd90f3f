//! Waits without a lock: the init of a pid namespace waits for a zombie, which waits for a task
//! that has to reap it.

use std::fs;
use std::process::{Command, Stdio};

use memcg_trace::sample::ResourceKind;
use memcg_trace::sample::waits::Evidence;
use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, waitpid,
};

use super::coredump::stack;
use super::look;
use crate::host::eventually;

fn start(command: &str, args: &[&str]) -> Pid {
    let mut command = Command::new(command);
    command.args(args).stdin(Stdio::null());
    Pid::from_child(&command.spawn().unwrap())
}

/// A field of `/proc/PID/status`.
pub fn status(pid: Pid, field: &str) -> String {
    let path = format!("/proc/{}/status", pid.as_raw_nonzero());
    let status = fs::read_to_string(path).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.unwrap_or_default().trim().to_owned()
}

pub fn only_child(of: Pid) -> Pid {
    eventually("a child", || {
        let of = of.as_raw_nonzero();
        let path = format!("/proc/{of}/task/{of}/children");
        let children = fs::read_to_string(path).unwrap_or_default();
        let pid = children.trim().parse().ok().and_then(Pid::from_raw);
        pid.ok_or(children)
    })
}

pub fn number(pid: Pid) -> u32 {
    u32::try_from(pid.as_raw_nonzero().get()).unwrap()
}

#[test]
fn an_init_waits_for_a_zombie_of_ours() {
    // Orphans of processes below are reparented to us, and not to the guest's init.
    set_child_subreaper(Some(getpid())).unwrap();
    let unshare = start("unshare", &["-p", "-f", "sleep", "1000000"]);
    let init = only_child(unshare);
    let target = init.as_raw_nonzero().to_string();
    let nsenter = start("nsenter", &["-t", &target, "-p", "sleep", "1000000"]);
    let inside = only_child(nsenter);
    eventually("it is inside", || {
        let name = status(inside, "Name:");
        if name == "sleep" { Ok(()) } else { Err(name) }
    });
    // The orphan is in the namespace, and its parent is not.
    kill_process(nsenter, Signal::KILL).unwrap();
    waitpid(Some(nsenter), WaitOptions::empty()).unwrap();
    kill_process(init, Signal::KILL).unwrap();
    eventually("a zombie that nobody reaps", || {
        let state = status(inside, "State:");
        if state.starts_with('Z') {
            Ok(())
        } else {
            Err(state)
        }
    });

    eventually("its init waits", || {
        let stack = stack(number(init));
        if stack.contains("zap_pid_ns_processes") {
            Ok(())
        } else {
            Err(stack)
        }
    });

    let waits = look::ask();
    println!("its init is {}", status(init, "State:"));
    assert_eq!(waits.looks.len(), 2);
    look::show(&waits.looks[1]);
    for look in &waits.looks {
        let (wait, namespace, holders) = look::wait_of(look, number(init));
        assert_eq!(namespace.kind, ResourceKind::PidNsDrain);
        assert_eq!(wait.function.as_deref(), Some("zap_pid_ns_processes"));
        assert_eq!(namespace.incomplete, None);
        let tids: Vec<_> = holders.iter().map(|task| task.tid).collect();
        assert_eq!(tids, [number(inside)]);
        let (_, zombie, reapers) = look::wait_of(look, number(inside));
        assert_eq!(zombie.kind, ResourceKind::Reap);
        assert_eq!(zombie.holders[0].evidence, Evidence::OwnerWord);
        assert!(reapers.iter().all(|task| task.pid == std::process::id()));
        assert!(reapers.len() > 1, "every thread of ours may reap it");
    }

    waitpid(Some(inside), WaitOptions::empty()).unwrap();
    kill_process(unshare, Signal::TERM).unwrap();
    waitpid(Some(unshare), WaitOptions::empty()).unwrap();
    set_child_subreaper(None).unwrap();
    let look = look::ask().looks.remove(0);
    assert!(!look::waits(&look, number(init)));
}
