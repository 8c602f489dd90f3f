//! Descriptors that look as if they pinned a cgroup, and do not: it is freed, and no answer has it.

use std::fs::File;
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::process::{Command, Stdio};

use rustix::event::epoll;

use super::ledger::ledgers;
use crate::host::{Cgroup, eventually, use_every_cpu};

/// Files of a process that are read after its end.
const OF_A_TASK: [&str; 5] = ["stat", "maps", "cgroup", "status", "mounts"];

#[test]
fn descriptors_made_in_a_cgroup() {
    let (parent, other) = (Cgroup::new("not-pins"), Cgroup::new("other"));
    let cgroup = parent.child("maker");
    let events = File::open(cgroup.dir().join("cgroup.events")).unwrap();
    let mut cat = Command::new("cat");
    let mut child = cat.stdin(Stdio::piped()).spawn().unwrap();
    cgroup.set("cgroup.procs", &child.id().to_string());
    let of_child = |name| File::open(format!("/proc/{}/{name}", child.id())).unwrap();
    let of_task = OF_A_TASK.map(of_child);
    let made = cgroup.inside(|| {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let of_events = epoll::EventData::new_u64(0);
        epoll::add(&poll, &events, of_events, epoll::EventFlags::PRI).unwrap();
        (poll, anonymous_files())
    });
    drop(child.stdin.take());
    child.wait().unwrap();
    cgroup.remove();
    eventually("it is freed", || {
        use_every_cpu(&other);
        match parent.stat("cgroup.stat", "nr_dying_descendants") {
            Some(0) => Ok(()),
            // Who is said to keep it helps to find the mistake.
            _ => Err(format!("{:?}", ledgers(None))),
        }
    });
    let path = cgroup.path();
    assert!(ledgers(None).iter().all(|one| one.path() != path));
    drop((made, of_task, events));
}

/// An event, a timer, a set of signals, and page faults of this process.
#[expect(unsafe_code, reason = "system calls that nothing here wraps")]
fn anonymous_files() -> Vec<OwnedFd> {
    // SAFETY: none of the calls keeps the pointer, which is that of a whole set of signals.
    let made = unsafe {
        let mut signals = std::mem::zeroed();
        libc::sigemptyset(&raw mut signals);
        [
            libc::c_long::from(libc::eventfd(0, libc::EFD_CLOEXEC)),
            libc::c_long::from(libc::timerfd_create(
                libc::CLOCK_MONOTONIC,
                libc::TFD_CLOEXEC,
            )),
            libc::c_long::from(libc::signalfd(-1, &raw const signals, libc::SFD_CLOEXEC)),
            libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC),
        ]
    };
    let own = |fd: libc::c_long| {
        assert!(fd >= 0, "{}", std::io::Error::last_os_error());
        // SAFETY: the descriptor is new, and nothing else owns it.
        unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).unwrap()) }
    };
    made.map(own).into()
}
