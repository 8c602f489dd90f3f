//! Files that pin, with holders other than a process's descriptor: each such holder is named, and
//! the advice frees the file. Newer kernels reparent pages; there, pages in swap stand in.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::process::Command;

use serde_json::{Value, json};

use super::fixture::{Fixture, Refs, close, run, us};
use super::held_by_fd::{Ring, Secret, huge_file};
use super::loop_devices;
use super::pages::of_pages;
use super::{programs, queues};
use crate::host::{Cgroup, Folder, Process, eventually, kernel, reparents_pages};

/// 2 MiB: data is not destroyed for less than one.
const PAGES: usize = 512;
/// A RAM disk.
const SWAP: &str = "/dev/ram1";

pub fn succeeds(command: &[&str]) {
    let status = Command::new(command[0]).args(&command[1..]).status();
    let status = status.unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

/// A file of tmpfs whose pages are charged to a cgroup.
pub fn write(cgroup: &Cgroup, name: &str) -> File {
    let pages = vec![1; PAGES * 4096];
    let mut file = File::create(name).unwrap();
    cgroup.inside(|| file.write_all(&pages)).unwrap();
    file
}

pub fn of_file(cgroup: &Cgroup) -> Fixture {
    of_pages(cgroup.path(), "page_shmem", PAGES as u64)
}

pub fn bind_mount(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("bind-mount");
    let (name, target) = (folder.file("secret"), folder.file("target"));
    drop(write(&cgroup, &name));
    cgroup.remove();
    File::create(&target).unwrap();
    succeeds(&["mount", "--bind", &name, &target]);
    Fixture {
        holders: vec![json!({"path": name, "how": "mount", "name": target, "pid": null})],
        advice: vec![
            ("unmount", vec![target.clone()]),
            ("remove_file", vec![name.clone()]),
        ],
        follow: Box::new(move || {
            succeeds(&["umount", &target]);
            fs::remove_file(name).unwrap();
        }),
        ..of_file(&cgroup)
    }
}

/// A file that only a mount keeps, which no path of ours shows.
fn bind_mount_elsewhere(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("bind-mount-elsewhere");
    let (name, target) = (folder.file("theirs"), folder.file("their-target"));
    drop(write(&cgroup, &name));
    cgroup.remove();
    File::create(&target).unwrap();
    let script = "mount --make-rprivate / && mount --bind \"$0\" \"$1\" && exec sleep 600";
    let child = Command::new("unshare")
        .args(["-m", "sh", "-c", script, &name, &target])
        .spawn();
    let child = Process(child.unwrap());
    let pid = child.0.id();
    eventually("it is mounted", || {
        let mounts = fs::read_to_string(format!("/proc/{pid}/mounts")).unwrap();
        let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
        if mounts.contains(&target) && comm.trim_end() == "sleep" {
            Ok(())
        } else {
            Err(mounts)
        }
    });
    let inside = format!("/proc/{pid}/root{target}");
    Fixture {
        holders: vec![json!({"path": name, "how": "mount", "name": inside, "pid": null})],
        advice: vec![("unmount", vec![inside])],
        follow: Box::new(move || {
            let pid = pid.to_string();
            succeeds(&["nsenter", "-t", &pid, "-m", "umount", &target]);
            fs::remove_file(name).unwrap();
            drop(child);
        }),
        ..of_file(&cgroup)
    }
}

/// A descriptor of overlayfs has another inode than the file whose pages pin.
pub fn overlay(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("overlay");
    let [lower, upper, work, merged] =
        ["lower", "upper", "work", "merged"].map(|name| folder.file(name));
    for folder in [&lower, &upper, &work, &merged] {
        fs::create_dir(folder).unwrap();
    }
    let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
    succeeds(&["mount", "-t", "overlay", "overlay", "-o", &options, &merged]);
    let name = format!("{merged}/data");
    let file = write(&cgroup, &name);
    cgroup.remove();
    fs::remove_file(name).unwrap();
    let mut holder = us(&file);
    holder["object"] = Value::from("deleted_file");
    holder["how"] = Value::from("open");
    Fixture {
        holders: vec![holder],
        advice: vec![close(&file)],
        follow: Box::new(move || {
            drop(file);
            succeeds(&["umount", &merged]);
        }),
        ..of_file(&cgroup)
    }
}

/// A file without a name or a descriptor, registered with an io_uring.
pub fn ring(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("io-uring");
    let name = folder.file("registered");
    let file = write(&cgroup, &name);
    cgroup.remove();
    fs::remove_file(name).unwrap();
    let ring = Ring::with(&file);
    drop(file);
    let pid = std::process::id();
    Fixture {
        holders: vec![json!({
            "object": "deleted_file", "how": "ring", "pid": pid, "fd": ring.0.as_raw_fd(),
        })],
        advice: vec![("restart_process", vec![format!("[{pid}]")])],
        follow: Box::new(move || drop(ring)),
        ..of_file(&cgroup)
    }
}

#[test]
fn files_without_a_descriptor() {
    let parent = Cgroup::new("held");
    let folder = Folder::new("held");
    let fixtures = vec![
        // A new mount namespace copies each mount: later mounts are only ours.
        bind_mount_elsewhere(&parent, &folder),
        loop_devices::mounted(&parent, &folder),
        loop_devices::below_another(&parent, &folder),
        programs::that_runs(&parent, &folder),
        queues::memory_in_a_message(&parent),
        bind_mount(&parent, &folder),
        overlay(&parent, &folder),
        ring(&parent, &folder),
    ];
    run(&parent, fixtures);
}

/// A tmpfs file all of whose pages are in swap.
#[test]
fn files_in_swap() {
    succeeds(&["mkswap", SWAP]);
    succeeds(&["swapon", SWAP]);
    let (parent, folder) = (Cgroup::new("swapped-file"), Folder::new("swapped-file"));
    let cgroup = parent.child("swapped");
    let name = folder.file("segment");
    let file = write(&cgroup, &name);
    eventually("it is in swap", || {
        cgroup.set("memory.high", "0");
        let bytes: usize = cgroup.get("memory.swap.current").trim().parse().unwrap();
        if bytes / 4096 >= PAGES {
            Ok(())
        } else {
            Err(format!("{bytes} bytes are in swap"))
        }
    });
    cgroup.remove();
    let mut holder = us(&file);
    holder["object"] = Value::from("file");
    holder["path"] = Value::from(name.clone());
    let fixture = Fixture {
        pins: true,
        kind: "swap",
        refs: Refs::Exactly(1),
        company: &["page_shmem"],
        holders: vec![holder],
        advice: vec![("remove_file", vec![name.clone()])],
        follow: Box::new(move || {
            drop(file);
            fs::remove_file(name).unwrap();
            // Swap slots that a CPU caches are charged until the CPU releases them.
            succeeds(&["swapoff", SWAP]);
        }),
        ..of_file(&cgroup)
    };
    run(&parent, vec![fixture]);
}

/// `memfd_secret(2)` memory cannot be reclaimed.
#[test]
fn secret_memory() {
    let parent = Cgroup::new("secrets");
    let cgroup = parent.child("secret");
    let Some(secret) = cgroup.inside(|| Secret::new(64)) else {
        // The call came with 5.14, and is off by default until 6.5.
        assert!(kernel() < (6, 5));
        return;
    };
    cgroup.remove();
    let mut holder = us(&secret.file);
    holder["fs"] = Value::from("secretmem");
    holder["backing"] = Value::from("memory");
    let path = cgroup.path();
    let fixture = Fixture {
        holders: vec![holder],
        advice: vec![close(&secret.file)],
        follow: Box::new(move || {
            let said = super::ledger::ledgers(None);
            let ledger = said.iter().find(|ledger| ledger.path() == path);
            if let Some(ledger) = ledger {
                assert_eq!(ledger.advice("reclaim").next(), None, "{ledger:?}");
            }
            drop(secret);
        }),
        ..of_pages(cgroup.path(), "page_file", 64)
    };
    run(&parent, vec![fixture]);
}

/// Huge pages are charged only with a mount option, and only until pages are reparented.
#[test]
fn huge_pages() {
    let asked = Command::new("mount")
        .args([
            "-o",
            "remount,memory_hugetlb_accounting",
            "none",
            "/sys/fs/cgroup",
        ])
        .status();
    if !asked.unwrap().success() {
        assert!(kernel() < (6, 6));
        return;
    }
    fs::write("/proc/sys/vm/nr_hugepages", "4").unwrap();
    let (parent, folder) = (Cgroup::new("huge"), Folder::new("huge"));
    succeeds(&["mount", "-t", "hugetlbfs", "none", folder.path()]);
    parent.set("cgroup.subtree_control", "+hugetlb");
    let cgroup = parent.child("hugetlb");
    let name = folder.file("pool");
    let file = cgroup.inside(|| huge_file(&name, 2));
    cgroup.remove();
    let mut holder = us(&file);
    holder["path"] = Value::from(name.clone());
    holder["fs"] = Value::from("hugetlbfs");
    let path = cgroup.path();
    let asked = (name.clone(), file.as_raw_fd());
    let follow = move || {
        drop(file);
        fs::remove_file(name).unwrap();
        succeeds(&["umount", folder.path()]);
        fs::write("/proc/sys/vm/nr_hugepages", "0").unwrap();
    };
    if reparents_pages() {
        // The rest is the reservation in the controller of huge pages.
        say_who_reserved(&path, &asked.0, asked.1);
        follow();
        eventually("it is released", || {
            match parent.stat("cgroup.stat", "nr_dying_descendants") {
                Some(0) => Ok(()),
                dying => Err(format!("{dying:?} are dying")),
            }
        });
        return;
    }
    let fixture = Fixture {
        refs: Refs::Exactly(2),
        holders: vec![holder],
        follow: Box::new(follow),
        ..of_pages(path, "page_hugetlb", 2)
    };
    run(&parent, vec![fixture]);
}

/// Checks that the file and this process' descriptor of it are named, and that removal is advised.
fn say_who_reserved(path: &str, name: &str, fd: i32) {
    eventually("who reserved them", || {
        let said = super::ledger::ledgers(None);
        let ledger = said.iter().find(|ledger| ledger.path() == path);
        let ledger = ledger.ok_or("it is not among the dead")?;
        let mut holders = ledger.holders("controller_css");
        let is_file = |found: &Value| {
            found["path"] == name && found["pid"] == std::process::id() && found["fd"] == fd
        };
        let is_right = ledger.kinds() == [("controller_css", 1)]
            && ledger.unexplained() == Some(0)
            && holders.any(is_file)
            && ledger.advises("remove_file", &[name.to_owned()]);
        println!("{}", ledger.sentence());
        is_right.then_some(()).ok_or_else(|| format!("{ledger:?}"))
    });
}
