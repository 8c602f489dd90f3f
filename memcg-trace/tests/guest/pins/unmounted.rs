//! Files in file systems that no process sees mounted: whatever keeps the file system keeps them.

use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use rustix::mount::{UnmountFlags, mount_bind, unmount};
use serde_json::{Value, json};

use super::fixture::{Fixture, comm, run};
use super::held_by_fd::Ring;
use super::held_files::succeeds;
use super::ledger::asked_without;
use super::queues;
use super::visible_paths::{PAGES, container, of_file, tmpfs, write};
use crate::host::{Cgroup, Folder, Process, eventually, reparents_pages, use_every_cpu};
use crate::tool;

/// A loop device that no other test has.
const LOOP: &str = "/dev/loop3";

#[test]
fn file_systems_that_nobody_sees() {
    let parent = Cgroup::new("unmounted");
    let folder = Folder::new("unmounted");
    let fixtures = vec![
        // A new mount namespace copies each mount: later mounts are only ours.
        in_a_namespace_of_a_descriptor(&parent, &folder),
        in_a_namespace_that_is_mounted(&parent, &folder),
        below_a_descriptor(&parent, &folder),
        below_a_directory(&parent, &folder),
        below_a_program(&parent, &folder),
        below_a_message(&parent, &folder),
        below_a_ring(&parent, &folder),
        below_a_loop_device(&parent, &folder),
    ];
    run(&parent, fixtures);
}

/// With what leads to the holder hidden, the output says so, and promises nothing.
#[test]
fn each_with_its_keeper_hidden() {
    if reparents_pages() {
        return;
    }
    let parent = Cgroup::new("hidden-keepers");
    for (make, what) in [
        (
            below_a_directory as fn(&Cgroup, &Folder) -> Fixture,
            "fs_struct",
        ),
        (below_a_message, "socket_file_ops"),
        (below_a_ring, "io_uring_fops"),
    ] {
        let hide = match what.ends_with("ops") {
            true => tool::without_symbols(&[what]),
            false => tool::without_type(what).unwrap(),
        };
        let folder = Folder::new("hidden-keepers");
        let fixture = make(&parent, &folder);
        let other = Cgroup::new("other");
        let ledger = eventually("an answer", || {
            use_every_cpu(&other);
            asked_without(&hide, &fixture.path)
        });
        let mut holders = ledger.holders("page_shmem");
        let says = |holder: &Value| {
            let name = holder["name"].as_str().unwrap_or_default();
            name.contains("keeps that was not found") && name.contains(what)
        };
        assert!(holders.any(says), "{ledger:?}");
        let actions = ["close_fd", "restart_process", "unmount", "remove_file"];
        assert_eq!(ledger.promised_refs(actions), None, "{ledger:?}");
        (fixture.follow)();
    }
}

/// A file that goes with its file system, which the process with this id keeps.
fn of_unmounted(cgroup: &Cgroup, name: &str, pid: u32, advice: &'static str) -> Fixture {
    Fixture {
        holders: vec![json!({"object": "file", "path": name, "how": "file_system", "pid": pid})],
        advice: vec![(advice, vec![format!("[{pid}]")])],
        never: &["remove_file", "unmount"],
        ..of_file(cgroup)
    }
}

/// A file system that is unmounted, and a descriptor of its root.
fn below_a_descriptor(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("below-a-descriptor");
    let at = folder.file("unmounted");
    tmpfs(&at);
    write(&cgroup, &format!("{at}/data"), PAGES);
    let root = File::open(&at).unwrap();
    unmount(&at, UnmountFlags::DETACH).unwrap();
    cgroup.remove();
    Fixture {
        follow: Box::new(move || drop(root)),
        ..of_unmounted(&cgroup, "data", std::process::id(), "close_fd")
    }
}

/// A file system in a mount namespace without a process, and a descriptor of the namespace.
fn in_a_namespace_of_a_descriptor(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("in-a-namespace-of-a-descriptor");
    let volume = folder.file("left");
    fs::create_dir(&volume).unwrap();
    let mut child = container(&volume);
    let pid = child.id();
    write(
        &cgroup,
        &format!("/proc/{pid}/root{volume}/left-data"),
        PAGES,
    );
    let namespace = File::open(format!("/proc/{pid}/ns/mnt")).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    cgroup.remove();
    Fixture {
        follow: Box::new(move || drop(namespace)),
        ..of_unmounted(&cgroup, "left-data", std::process::id(), "close_fd")
    }
}

/// A file system that is unmounted, and in which a process has its working directory.
fn below_a_directory(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("below-a-directory");
    let at = folder.file("worked-in");
    tmpfs(&at);
    write(&cgroup, &format!("{at}/worked-on"), PAGES);
    let mut sleep = Command::new("sleep");
    let sleep = sleep.arg("1000000").current_dir(&at).stdin(Stdio::null());
    let sleep = Process(sleep.spawn().unwrap());
    unmount(&at, UnmountFlags::DETACH).unwrap();
    cgroup.remove();
    let pid = sleep.0.id();
    Fixture {
        follow: Box::new(move || drop(sleep)),
        ..of_unmounted(&cgroup, "worked-on", pid, "restart_process")
    }
}

/// A file system in a mount namespace without a process, and a mount of the namespace.
fn in_a_namespace_that_is_mounted(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("in-a-namespace-that-is-mounted");
    let [volume, target] = ["kept", "namespace"].map(|name| folder.file(name));
    fs::create_dir(&volume).unwrap();
    let mut child = container(&volume);
    let inside = format!("/proc/{}/root{volume}/kept-data", child.id());
    write(&cgroup, &inside, PAGES);
    File::create(&target).unwrap();
    mount_bind(format!("/proc/{}/ns/mnt", child.id()), &target).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    cgroup.remove();
    Fixture {
        holders: vec![json!({
            "object": "file", "path": "kept-data", "how": "file_system", "pid": null,
            "name": target,
        })],
        advice: vec![("unmount", vec![target.clone()])],
        never: &["remove_file"],
        follow: Box::new(move || unmount(&target, UnmountFlags::empty()).unwrap()),
        ..of_file(&cgroup)
    }
}

/// A file system that is unmounted, and in which a process has only its program.
fn below_a_program(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("below-a-program");
    let at = folder.file("program");
    tmpfs(&at);
    write(&cgroup, &format!("{at}/beside"), PAGES);
    let program = format!("{at}/sleep");
    fs::copy("/bin/busybox", &program).unwrap();
    let mut sleep = Command::new(program);
    let sleep = sleep.arg("1000000").stdin(Stdio::null()).spawn();
    let sleep = Process(sleep.unwrap());
    unmount(&at, UnmountFlags::DETACH).unwrap();
    cgroup.remove();
    let pid = sleep.0.id();
    Fixture {
        follow: Box::new(move || drop(sleep)),
        ..of_unmounted(&cgroup, "beside", pid, "restart_process")
    }
}

/// A file system that is unmounted, and a descriptor of its root in a message that was not received.
fn below_a_message(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("below-a-message");
    let at = folder.file("sent");
    tmpfs(&at);
    write(&cgroup, &format!("{at}/sent-data"), PAGES);
    let root = File::open(&at).unwrap();
    unmount(&at, UnmountFlags::DETACH).unwrap();
    let ends = UnixStream::pair().unwrap();
    queues::send(&ends.0, root);
    cgroup.remove();
    let receiver = ends.1.as_raw_fd();
    Fixture {
        follow: Box::new(move || drop(ends)),
        ..of_descriptor(&cgroup, "sent-data", receiver)
    }
}

/// A file system that is unmounted, and its root registered with an io_uring.
fn below_a_ring(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("below-a-ring");
    let at = folder.file("registered");
    tmpfs(&at);
    write(&cgroup, &format!("{at}/registered-data"), PAGES);
    let ring = Ring::with(File::open(&at).unwrap());
    unmount(&at, UnmountFlags::DETACH).unwrap();
    cgroup.remove();
    let fd = ring.0.as_raw_fd();
    Fixture {
        follow: Box::new(move || drop(ring)),
        ..of_descriptor(&cgroup, "registered-data", fd)
    }
}

/// A file that goes with its file system, which this descriptor of ours keeps.
fn of_descriptor(cgroup: &Cgroup, name: &str, fd: i32) -> Fixture {
    let pid = std::process::id();
    let process = format!("{}[{pid}]", comm());
    Fixture {
        holders: vec![json!({
            "object": "file", "path": name, "how": "file_system", "pid": pid, "fd": fd,
        })],
        advice: vec![("close_fd", vec![process, fd.to_string()])],
        ..of_unmounted(cgroup, name, pid, "close_fd")
    }
}

/// A file system that is unmounted, and a loop device on another file of it: nobody looks for that,
/// and the answer says so.
fn below_a_loop_device(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("below-a-loop-device");
    let at = folder.file("disks");
    tmpfs(&at);
    write(&cgroup, &format!("{at}/beside-a-disk"), PAGES);
    let disk = format!("{at}/disk");
    fs::write(&disk, [0; 65_536]).unwrap();
    succeeds(&["losetup", LOOP, &disk]);
    unmount(&at, UnmountFlags::DETACH).unwrap();
    cgroup.remove();
    let unknown = "its file system, which no process sees mounted (what keeps that was not found; \
                   loop devices, swap, overlays and modules of the kernel were not looked at)";
    Fixture {
        holders: vec![json!({
            "object": "file", "path": "beside-a-disk", "how": "kernel", "name": unknown,
        })],
        advice: vec![("nothing", vec![])],
        never: &["remove_file", "unmount", "close_fd"],
        follow: Box::new(|| succeeds(&["losetup", "-d", LOOP])),
        ..of_file(&cgroup)
    }
}
