//! Names with their context: the namespace of a path, and actions that must not be advised on it.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, unmount};
use serde_json::json;

use super::fixture::{Fixture, run};
use super::ledger::ledger_without;
use super::pages::{PAGE, and, of_pages, place};
use crate::host::{Cgroup, Folder, eventually, has_function};
use crate::tool;

/// More than one MiB: less is not removed anyway.
pub const PAGES: usize = 270;

/// Only the file's pages are charged to the cgroup: the file itself is made before.
pub fn write(cgroup: &Cgroup, name: &str, pages: usize) {
    let bytes = vec![1; pages * PAGE];
    let mut file = File::create(name).unwrap();
    cgroup.inside(|| file.write_all(&bytes)).unwrap();
}

pub fn tmpfs(at: &str) {
    fs::create_dir_all(at).unwrap();
    mount("none", at, "tmpfs", MountFlags::empty(), None).unwrap();
}

pub fn of_file(cgroup: &Cgroup) -> Fixture {
    of_pages(cgroup.path(), "page_shmem", PAGES as u64)
}

#[test]
fn paths_are_ours_or_somebodys() {
    let parent = Cgroup::new("names");
    let folder = Folder::new("names");
    let fixtures = vec![
        // A new mount namespace copies each mount: later mounts are only ours.
        in_another_namespace(&parent, &folder),
        with_two_names(&parent, &folder),
        hidden_by_a_mount(&parent, &folder),
        root_of_a_mount(&parent, &folder),
        of_a_container(&parent),
        too_little(&parent, &folder),
        below_the_first_root(&parent),
    ];
    run(&parent, fixtures);
}

/// A process in a mount namespace of its own, with a tmpfs at a folder.
pub fn container(volume: &str) -> Child {
    let script = "mount -t tmpfs none \"$0\" && touch \"$0\"/ready && exec sleep 600";
    let child = Command::new("/bin/busybox")
        .args(["unshare", "-m", "/bin/sh", "-c", script, volume])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let ready = format!("/proc/{}/root{volume}/ready", child.id());
    eventually("the volume is mounted", || {
        fs::metadata(&ready).map_err(|error| error.to_string())
    });
    child
}

/// At the same path our namespace has another file, which is unrelated.
fn in_another_namespace(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("in-another-namespace");
    let volume = folder.file("volume");
    fs::create_dir(&volume).unwrap();
    let ours = format!("{volume}/cache.bin");
    fs::write(&ours, "precious").unwrap();
    let mut child = container(&volume);
    let pid = child.id();
    let theirs = format!("/proc/{pid}/root{ours}");
    write(&cgroup, &theirs, PAGES);
    cgroup.remove();
    let file = Path::new(&theirs).metadata().unwrap();
    Fixture {
        holders: vec![json!({"object": "file", "path": theirs, "path_of_pid": pid,
                             "ino": file.ino(), "links": 1})],
        advice: vec![("ask_owner", vec![theirs.clone()])],
        never: &["remove_file", "unmount"],
        follow: Box::new(move || {
            fs::remove_file(&theirs).unwrap();
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(fs::read_to_string(&ours).unwrap(), "precious");
        }),
        ..of_file(&cgroup)
    }
}

fn with_two_names(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("two-names");
    let [one, two] = ["one", "two"].map(|name| folder.file(name));
    write(&cgroup, &one, PAGES);
    fs::hard_link(&one, &two).unwrap();
    cgroup.remove();
    let ino = Path::new(&one).metadata().unwrap().ino();
    Fixture {
        holders: vec![json!({"object": "file", "ino": ino, "links": 2})],
        advice: vec![("nothing", vec![])],
        never: &["remove_file"],
        follow: Box::new(move || {
            fs::remove_file(one).unwrap();
            fs::remove_file(two).unwrap();
        }),
        ..of_file(&cgroup)
    }
}

/// The file's former path leads elsewhere now, so that it has none.
fn hidden_by_a_mount(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("hidden");
    let below = folder.file("below");
    tmpfs(&below);
    let name = format!("{below}/hidden.bin");
    write(&cgroup, &name, PAGES);
    let ino = Path::new(&name).metadata().unwrap().ino();
    tmpfs(&below);
    fs::write(&name, "precious").unwrap();
    cgroup.remove();
    Fixture {
        holders: vec![json!({"object": "file", "ino": ino, "links": 1})],
        exactly: vec![("path", "hidden.bin".into())],
        advice: vec![("nothing", vec![])],
        never: &["remove_file", "ask_owner"],
        follow: Box::new(move || {
            assert_eq!(fs::read_to_string(&name).unwrap(), "precious");
            for _ in 0..2 {
                unmount(&below, UnmountFlags::empty()).unwrap();
            }
        }),
        ..of_file(&cgroup)
    }
}

/// Of the file system only a mount of the file itself is left: its path is the mount's, and the
/// path below that is another file.
fn root_of_a_mount(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("root-of-a-mount");
    let gone = folder.file("gone");
    tmpfs(&gone);
    let name = format!("{gone}/root.bin");
    write(&cgroup, &name, PAGES);
    let target = folder.file("target");
    fs::write(&target, "precious").unwrap();
    mount_bind(&name, &target).unwrap();
    unmount(&gone, UnmountFlags::DETACH).unwrap();
    cgroup.remove();
    let held = place(target.as_ref(), "tmpfs");
    Fixture {
        holders: vec![and(&held, &json!({"object": "file", "links": 1}))],
        advice: vec![("unmount", vec![target.clone()])],
        never: &["remove_file"],
        follow: Box::new(move || {
            unmount(&target, UnmountFlags::empty()).unwrap();
            assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
        }),
        ..of_file(&cgroup)
    }
}

/// A file of a container as crun has it: its creator removes it.
fn of_a_container(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("of-a-container");
    let state = "/run/crun/4711";
    fs::create_dir_all("/run").unwrap();
    tmpfs("/run");
    fs::create_dir_all(state).unwrap();
    let name = format!("{state}/seccomp.bpf");
    write(&cgroup, &name, PAGES);
    cgroup.remove();
    Fixture {
        holders: vec![place(name.as_ref(), "tmpfs")],
        advice: vec![("nothing", vec![])],
        never: &["remove_file"],
        follow: Box::new(move || {
            fs::remove_file(name).unwrap();
            unmount("/run", UnmountFlags::empty()).unwrap();
        }),
        ..of_file(&cgroup)
    }
}

/// The file system that a host starts with has another name than tmpfs, and keeps its names likewise.
fn below_the_first_root(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("below-the-first-root");
    let name = "/first-root.bin";
    write(&cgroup, name, PAGES);
    cgroup.remove();
    let path = cgroup.path();
    Fixture {
        holders: vec![place(name.as_ref(), "rootfs")],
        advice: vec![("remove_file", vec![name.to_owned()])],
        follow: Box::new(move || {
            // Newer kernels have a mark instead.
            let mark = "kill_litter_super";
            if has_function(mark) {
                let ledger = ledger_without(&tool::without_symbols(&[mark]), &path);
                assert!(!ledger.sentence().contains("nobody"), "{ledger:?}");
                assert_eq!(ledger.advice("remove_file").next(), None, "{ledger:?}");
            }
            fs::remove_file(name).unwrap();
        }),
        ..of_file(&cgroup)
    }
}

fn too_little(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("too-little");
    let name = folder.file("little");
    write(&cgroup, &name, 3);
    cgroup.remove();
    Fixture {
        holders: vec![place(name.as_ref(), "tmpfs")],
        advice: vec![("nothing", vec![])],
        never: &["remove_file"],
        follow: Box::new(move || fs::remove_file(name).unwrap()),
        ..of_pages(cgroup.path(), "page_shmem", 3)
    }
}
