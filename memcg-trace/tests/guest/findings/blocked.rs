//! Reclaim that is stuck in a shrinker: that of a file system whose device does not answer.

use std::fs;
use std::process::Command;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::findings;
use crate::export::{Export, Frame};
use crate::host::{Cgroup, Folder, Process};
use crate::suspend::Device;

/// A RAM disk.
const DISK: &str = "/dev/ram2";
const FILES: usize = 40;
/// Asks for all memory of a cgroup back.
const RECLAIM: &str = "exec sh -c 'echo 0 >\"$0\"/memory.high' \"$0\"";

/// A file system on a device that can be told to stop.
struct Disk {
    folder: Folder,
    device: Device,
}

impl Disk {
    fn new() -> Self {
        let formatted = Command::new("mke2fs")
            .args(["-q", "-b", "4096", DISK])
            .status();
        assert!(formatted.unwrap().success());
        let device = Device::over(DISK, "stalling");
        let folder = Folder::new("stalling");
        let late = MountFlags::LAZYTIME | MountFlags::STRICTATIME;
        mount(&device.path, &folder.0, "ext4", late, None).unwrap();
        Self { folder, device }
    }

    /// Makes files and reads them, which changes their inodes in memory and not yet on the disk:
    /// that is done when they go, and needs the block that they are in, which is no longer cached.
    fn fill(&self, cgroup: &Cgroup) {
        let names = || (0..FILES).map(|at| self.folder.file(&at.to_string()));
        cgroup.inside(|| {
            for name in names() {
                fs::write(name, "x").unwrap();
            }
        });
        // The pages of the device, and with them those that CPUs keep in hand.
        let flushed = Command::new("blockdev")
            .arg("--flushbufs")
            .arg(&self.device.path)
            .status();
        assert!(flushed.unwrap().success());
        fs::write("/proc/sys/vm/drop_caches", "1").unwrap();
        for name in names() {
            assert_eq!(fs::read(name).unwrap(), b"x");
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = unmount(&self.folder.0, UnmountFlags::DETACH);
    }
}

/// Lets the device answer again, also if a test fails.
struct Suspended<'a>(&'a Device);

impl Drop for Suspended<'_> {
    fn drop(&mut self) {
        self.0.resume();
    }
}

fn start(cgroup: &Cgroup) -> Process {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", RECLAIM]).arg(cgroup.dir());
    Process(shell.spawn().unwrap())
}

pub fn in_a_shrinker(export: &mut Export) {
    let disk = Disk::new();
    let cgroup = Cgroup::new("reclaiming");
    let shrunk = |frame: &Frame| -> u64 {
        let rows = frame.of_kind("shrinker");
        let ours = rows.filter(|row| row.data["fs"] == "ext4" && row.path() == Some("/reclaiming"));
        ours.map(|row| row.number("freed_objects_total")).sum()
    };

    // The same with a device that answers.
    disk.fill(&cgroup);
    let status = start(&cgroup).0.wait().unwrap();
    assert!(status.success());
    let frame = export.fresh();
    let freed = shrunk(&frame);
    println!("{freed} objects of ext4 freed; {:?}", findings(&frame));
    assert!(freed >= FILES as u64, "{:#?}", frame.records);
    assert_eq!(findings(&frame), []);
    cgroup.set("memory.high", "max");

    disk.fill(&cgroup);
    disk.device.suspend();
    let suspended = Suspended(&disk.device);
    let mut task = start(&cgroup);
    let tid = task.0.id();
    let found = export.until("it is found", |frame| {
        let mut all = frame.of_kind("finding");
        let found = all.find(|one| one.data["kind"] == "blocked_shrinker");
        let stack = fs::read_to_string(format!("/proc/{tid}/stack"));
        found.cloned().ok_or_else(|| stack.unwrap_or_default())
    });
    println!("{}", found.data["sentence"]);
    println!("{}", found.data["figures"]);
    let figures = &found.data["figures"];
    assert_eq!(found.data["path"], "/reclaiming");
    assert_eq!(figures["tid"], tid);
    assert_eq!(figures["shrinker"], "super_cache_scan");
    assert_eq!(figures["fs"], "ext4");
    assert_eq!(figures["cause"], "high");
    assert!(figures["waited_ns"].as_u64().unwrap() >= 2_000_000_000);
    let stack: Vec<_> = figures["stack"].as_array().unwrap().iter().collect();
    for function in ["super_cache_scan", "do_shrink_slab"] {
        assert!(stack.iter().any(|one| *one == function), "{stack:?}");
    }

    // It goes on as soon as the device does.
    drop(suspended);
    assert!(task.0.wait().unwrap().success());
    export.until("it is over", |frame| {
        let mut all = frame.of_kind("finding");
        let over = all.find(|one| one.data["finding_id"] == found.data["finding_id"]);
        match over.is_some_and(|one| one.data["resolved"] == true) {
            true => Ok(()),
            false => Err(format!("{:?}", findings(frame))),
        }
    });
}
