//! Advice that is followed to the letter: the command that the text shows frees what the record
//! said.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus};

use rustix::fs::{Advice, fadvise};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use serde_json::json;

use super::fixture::{Fixture, Refs, run};
use super::ledger::ledgers;
use super::memory::Memory;
use super::pages::{of_pages, of_private};
use super::swap::{succeeds, swap};
use crate::disk;
use crate::host::{Cgroup, Folder, eventually, has_function, reparents_pages};
use crate::tool;

/// The command in the advised text that begins like this.
fn command(zombie: &str, begin: &str) -> String {
    let output = tool::run(&["pins", zombie]);
    let text = tool::stdout(&output);
    let advice = text.split("what would free it\n").nth(1).unwrap();
    let commands = advice.lines().filter_map(|line| line.strip_prefix("  "));
    let mut commands = commands.map(|line| line.strip_prefix("then ").unwrap_or(line));
    let command = commands.find(|line| line.starts_with(begin));
    command
        .unwrap_or_else(|| panic!("no {begin}: {text}"))
        .to_owned()
}

fn run_shell(command: &str) -> ExitStatus {
    let status = Command::new("sh").args(["-c", command]).status().unwrap();
    println!("{command}: {status}");
    status
}

/// Memory of a process that moved on goes to swap, where it is charged to the nearest live memcg.
#[test]
fn reclaim_into_swap() {
    const PAGES: u64 = 600;
    let parent = Cgroup::new("to-swap");
    if reparents_pages() || !parent.dir().join("memory.reclaim").exists() {
        return;
    }
    let disk = swap();
    let cgroup = parent.child("moved");
    let memory = Memory::private(usize::try_from(PAGES).unwrap());
    cgroup.inside(|| memory.touch());
    cgroup.remove();
    let path = cgroup.path();
    let fixture = Fixture {
        advice: vec![("reclaim", vec!["/to-swap/memory.reclaim".to_owned()])],
        follow: Box::new(move || {
            let command = command(&path, "echo ");
            eventually("it is freed", || {
                // The text says that it may have to be repeated.
                run_shell(&command);
                let left = ledgers(None);
                match left.iter().find(|left| left.path() == path) {
                    None => Ok(()),
                    Some(left) => Err(format!("{:?}", left.kinds())),
                }
            });
            drop(memory);
            succeeds("swapoff", &disk);
        }),
        ..of_private(&cgroup, PAGES)
    };
    run(&parent, vec![fixture]);
}

/// A program on a disk that a process runs: the process ends first, then its pages can be dropped.
#[test]
fn pages_of_a_program_that_runs() {
    if reparents_pages() {
        return;
    }
    let parent = Cgroup::new("program");
    let cgroup = parent.child("dead");
    let disk = disk::unused();
    disk::format(&disk, &[]);
    let folder = Folder::new("program");
    mount(&*disk, &folder.0, "ext4", MountFlags::empty(), None).unwrap();
    let name = folder.file("busybox");
    cgroup.inside(|| fs::copy("/bin/busybox", &name).unwrap());
    rustix::fs::sync();
    let owner = parent.child("owner");
    let process = owner.start("exec \"$1\" sleep 600", &[&name]);
    let pid = process.0.id();
    eventually("it runs", || {
        let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap();
        let runs = program == Path::new(&name);
        runs.then_some(()).ok_or(format!("{program:?}"))
    });
    cgroup.remove();
    let path = cgroup.path();
    let ino = Path::new(&name).metadata().unwrap().ino();
    let fixture = Fixture {
        refs: Refs::AtLeast(100),
        company: &["writeback"],
        holders: vec![json!({"object": "file", "ino": ino, "how": "mapped", "pid": pid})],
        advice: vec![
            ("restart_process", vec![format!("[{pid}]")]),
            ("drop_file_pages", vec![name.clone()]),
        ],
        follow: Box::new(move || {
            // busybox has no such dd: this does the same.
            assert_eq!(
                command(&path, &format!("sync {name}")),
                format!("sync {name} && dd if={name} iflag=nocache count=0")
            );
            drop(process);
            assert!(run_shell(&format!("sync {name}")).success());
            let file = File::open(&name).unwrap();
            fadvise(&file, 0, None, Advice::DontNeed).unwrap();
            drop(file);
            let left = ledgers(None);
            let left = left.iter().filter(|left| left.path() == path);
            let mut left = left.flat_map(|left| left.holders("page_file"));
            assert!(!left.any(|one| one["ino"] == ino), "its pages are there");
            unmount(&folder.0, UnmountFlags::empty()).unwrap();
            owner.remove();
        }),
        ..of_pages(cgroup.path(), "page_file", 100)
    };
    run(&parent, vec![fixture]);
}

/// A dirty inode keeps the writeback of a dead memcg; once it is written, the kernel gives it away
/// when another memcg goes.
#[test]
fn dirty_inodes_that_are_written() {
    // mm/backing-dev.c: older kernels give no inodes away.
    if !has_function("cleanup_offline_cgwbs_workfn") {
        return;
    }
    let parent = Cgroup::new("dirty");
    let cgroup = parent.child("dead");
    let disk = disk::unused();
    disk::format(&disk, &[]);
    let folder = Folder::new("dirty");
    mount(&*disk, &folder.0, "ext4", MountFlags::empty(), None).unwrap();
    let interval = "/proc/sys/vm/dirty_writeback_centisecs";
    let before = fs::read_to_string(interval).unwrap();
    // An hour. With 0, the kernel writes at once when the first inode is dirty.
    fs::write(interval, "360000").unwrap();
    let name = folder.file("data");
    cgroup.inside(|| fs::write(&name, vec![1; 16 * 4096]).unwrap());
    cgroup.remove();
    let path = cgroup.path();
    let fixture = Fixture {
        pins: true,
        refs: Refs::AtLeast(1),
        company: &["page_file"],
        advice: vec![("sync", vec![])],
        follow: Box::new(move || {
            run_shell(&command(&path, "sync"));
            fs::write(interval, before).unwrap();
            eventually("its inodes are given away", || {
                Cgroup::new("another").remove();
                let left = ledgers(None);
                let left = left.iter().find(|left| left.path() == path);
                let kinds = left.map(|left| format!("{:?}", left.kinds()));
                let has_writeback = left.is_some_and(|left| left.pin("writeback").is_some());
                (!has_writeback).then_some(()).ok_or(format!("{kinds:?}"))
            });
            unmount(&folder.0, UnmountFlags::empty()).unwrap();
        }),
        ..of_pages(cgroup.path(), "writeback", 1)
    };
    run(&parent, vec![fixture]);
}
