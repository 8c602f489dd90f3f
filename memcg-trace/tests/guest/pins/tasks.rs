//! Zombies that dead tasks, namespaces, watches or other zombies pin.

use std::fs;
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

/// A child of this process that has ended, and was not waited for.
fn unreaped() -> Child {
    let child = Command::new("true").stdin(Stdio::null()).spawn().unwrap();
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
    json!({"pid": child.id(), "comm": "true", "state": "Z", "parent_pid": std::process::id()})
}

/// Advice to have this process wait for its children.
fn reap() -> (&'static str, Vec<String>) {
    ("reap", vec![format!("[{}]", std::process::id())])
}

pub fn unreaped_task(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("unreaped-task");
    // The first child may cost this process a page table, which 5.10 charges to the cgroup that it
    // is in at that time, and which then pins the cgroup as long as this process runs.
    unreaped().wait().unwrap();
    let mut child = cgroup.inside(unreaped);
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
    let mut children = cgroup.inside(|| [unreaped(), unreaped()]);
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
