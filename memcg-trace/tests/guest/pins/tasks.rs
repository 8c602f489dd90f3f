//! Zombies that dead tasks, namespaces, watches or other zombies pin.

use std::fs;
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::process::{Child, Command, Stdio};

use rustix::fs::inotify;
use rustix::mount::{UnmountFlags, unmount};
use rustix::net::AddressFamily;
use rustix::thread::UnshareFlags;
use serde_json::{Value, json};

use super::fixture::{Fixture, Refs, close, us};
use super::sockets::{keep_namespace, new_socket};
use crate::host::{Cgroup, Folder, eventually};

/// A zombie that one reference keeps, on every kernel.
fn of_one(path: String, kind: &'static str) -> Fixture {
    Fixture {
        path,
        pins: true,
        kind,
        refs: Refs::Exactly(1),
        company: &[],
        holders: Vec::new(),
        advice: Vec::new(),
        never: &[],
        exactly: Vec::new(),
        follow: Box::new(|| ()),
    }
}

pub fn watch(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("watch");
    let fd = cgroup.inside(|| inotify::init(inotify::CreateFlags::CLOEXEC).unwrap());
    cgroup.remove();
    Fixture {
        holders: vec![{
            let mut holder = us(&fd);
            holder["object"] = "inotify".into();
            holder
        }],
        advice: vec![close(&fd)],
        follow: Box::new(move || drop(fd)),
        ..of_one(cgroup.path(), "fsnotify")
    }
}

/// A group of fanotify that reports, and takes no decisions.
#[expect(unsafe_code, reason = "a system call that nothing here wraps")]
pub fn fanotify(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("fanotify");
    let fd = cgroup.inside(|| {
        // SAFETY: the call takes no pointer.
        let fd = unsafe { libc::fanotify_init(libc::FAN_CLOEXEC, 0) };
        assert!(fd >= 0, "{}", std::io::Error::last_os_error());
        // SAFETY: the descriptor is new, and nothing else owns it.
        unsafe { OwnedFd::from_raw_fd(fd) }
    });
    cgroup.remove();
    let mut holder = us(&fd);
    holder["object"] = "fanotify".into();
    Fixture {
        holders: vec![holder],
        advice: vec![close(&fd)],
        follow: Box::new(move || drop(fd)),
        ..of_one(cgroup.path(), "fsnotify")
    }
}

/// A child of this process that has ended in a cgroup, and was not waited for. It is moved there:
/// to start it there may cost this process memory, which would be charged to the cgroup.
fn unreaped_in(cgroup: &Cgroup) -> Child {
    let mut cat = Command::new("cat");
    let mut child = cat.stdin(Stdio::piped()).spawn().unwrap();
    cgroup.set("cgroup.procs", &child.id().to_string());
    drop(child.stdin.take());
    let stat = format!("/proc/{}/stat", child.id());
    eventually("it has ended", || {
        let stat = fs::read_to_string(&stat).unwrap();
        if stat.contains(") Z ") {
            Ok(())
        } else {
            Err(stat)
        }
    });
    child
}

fn dead(child: &Child) -> Value {
    json!({"pid": child.id(), "comm": "cat", "state": "Z", "parent_pid": std::process::id()})
}

/// Advice to have this process wait for its children.
fn reap() -> (&'static str, Vec<String>) {
    ("reap", vec![format!("[{}]", std::process::id())])
}

pub fn unreaped_task(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("unreaped-task");
    let mut child = unreaped_in(&cgroup);
    cgroup.remove();
    Fixture {
        holders: vec![dead(&child)],
        advice: vec![reap()],
        follow: Box::new(move || {
            child.wait().unwrap();
        }),
        ..of_one(cgroup.path(), "task")
    }
}

pub fn cgroup_namespace(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("cgroup-namespace");
    let name = folder.file("cgroup");
    let ns_ino = keep_namespace(&cgroup, UnshareFlags::NEWCGROUP, "cgroup", &name);
    cgroup.remove();
    Fixture {
        holders: vec![json!({"ns_ino": ns_ino, "ns_mount": name, "pid": null})],
        advice: vec![("unmount", vec![name.clone()])],
        follow: Box::new(move || unmount(name, UnmountFlags::empty()).unwrap()),
        ..of_one(cgroup.path(), "cgroup_ns")
    }
}

/// Two unreaped tasks and a namespace on one css_set are one reference.
pub fn shared_css_set(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("shared-css-set");
    let name = folder.file("shared-cgroup");
    let ns_ino = keep_namespace(&cgroup, UnshareFlags::NEWCGROUP, "cgroup", &name);
    let mut children = [unreaped_in(&cgroup), unreaped_in(&cgroup)];
    cgroup.remove();
    let mut holders: Vec<_> = children.iter().map(dead).collect();
    holders.push(json!({"ns_ino": ns_ino, "ns_mount": name}));
    Fixture {
        holders,
        advice: vec![reap(), ("unmount", vec![name.clone()])],
        follow: Box::new(move || {
            for child in &mut children {
                child.wait().unwrap();
            }
            unmount(name, UnmountFlags::empty()).unwrap();
        }),
        ..of_one(cgroup.path(), "task")
    }
}

/// A zombie below a zombie: both fixtures, the kept parent first.
pub fn child_css(parent: &Cgroup) -> [Fixture; 2] {
    let cgroup = parent.child("with-child");
    let below = cgroup.child("child");
    let fd = below.inside(|| new_socket(AddressFamily::NETLINK));
    below.remove();
    cgroup.remove();
    let keeper = Fixture {
        holders: vec![us(&fd)],
        advice: vec![close(&fd)],
        follow: Box::new(move || drop(fd)),
        ..of_one(below.path(), "socket_other")
    };
    let kept = Fixture {
        holders: vec![json!({"object": "memcg", "path": below.path()})],
        advice: vec![("look_at_child", vec!["css:".to_owned()])],
        ..of_one(cgroup.path(), "child_css")
    };
    [kept, keeper]
}
