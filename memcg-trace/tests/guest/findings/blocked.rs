//! Reclaim that is stuck in a shrinker: the shrinker of a file system whose device does not answer.

use std::fs::{self, File};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::{Watch, figure, id};
use crate::contract::Record;
use crate::disk;
use crate::export::Frame;
use crate::host::{Cgroup, Folder, Process, long_storm};
use crate::suspend::Device;

const FILES: usize = 40;
/// The time that reclaim is stuck: past the ten seconds after which the finding is critical
/// (model/balance/shrinkers.rs); and in a long run.
const STUCK: [Duration; 2] = [Duration::from_secs(12), Duration::from_secs(60)];
/// Asks for all memory of a cgroup back.
const RECLAIM: &str = "exec sh -c 'echo 0 >\"$0\"/memory.high' \"$0\"";

/// A file system on a device that can be suspended.
pub struct Disk {
    folder: Folder,
    device: Device,
}

impl Disk {
    pub fn new() -> Self {
        let disk = disk::unused();
        disk::format(&disk, &["-b", "4096"]);
        let device = Device::over(&disk, "stalling");
        let folder = Folder::new("stalling");
        let late = MountFlags::LAZYTIME | MountFlags::STRICTATIME;
        mount(&device.path, &folder.0, "ext4", late, None).unwrap();
        Self { folder, device }
    }

    /// A sparse file, which fills memory when it is read.
    pub fn holes(&self) -> String {
        let path = self.folder.file("holes");
        File::create(&path).unwrap().set_len(64 << 30).unwrap();
        path
    }

    /// Makes files and reads them, which changes their inodes in memory and not yet on the disk:
    /// eviction writes them, and needs their block, which is no longer cached.
    fn fill(&self, cgroup: &Cgroup) {
        let names = || (0..FILES).map(|at| self.folder.file(&at.to_string()));
        cgroup.inside(|| {
            for name in names() {
                fs::write(name, "x").unwrap();
            }
        });
        // The pages of the device, and with them the pages that CPUs keep in batches.
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
        // At once, so that no page of the file system pins a cgroup, and the device can go.
        if unmount(&self.folder.0, UnmountFlags::empty()).is_err() {
            let _ = unmount(&self.folder.0, UnmountFlags::DETACH);
        }
    }
}

/// Resumes the device, also if a test fails.
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

pub fn in_a_shrinker(watch: &mut Watch, disk: &Disk) {
    let cgroup = Cgroup::new("reclaiming");
    let shrunk = |frame: &Frame| -> u64 {
        let rows = frame.of_kind("shrinker");
        let ours = rows.filter(|row| row.data["fs"] == "ext4" && row.path() == Some("/reclaiming"));
        ours.map(|row| row.number("freed_objects_total")).sum()
    };

    // The same reclaim with a device that answers.
    disk.fill(&cgroup);
    let status = start(&cgroup).0.wait().unwrap();
    assert!(status.success());
    let frame = watch.fresh();
    let freed = shrunk(&frame);
    println!("{freed} objects of ext4 freed");
    assert!(freed >= FILES as u64, "{:#?}", frame.records);
    watch.assert_told(&[]);
    cgroup.set("memory.high", "max");

    disk.fill(&cgroup);
    disk.device.suspend();
    let suspended = Suspended(&disk.device);
    let mut task = start(&cgroup);
    let found = watch.until_found("blocked_shrinker", |_| {
        // Another task may have read the block of the inodes in between: then nothing waits for it.
        if task.0.try_wait().unwrap().is_some() {
            println!("it came through");
            disk.device.resume();
            cgroup.set("memory.high", "max");
            disk.fill(&cgroup);
            disk.device.suspend();
            task = start(&cgroup);
        }
    });
    let figures = &found.data["figures"];
    println!("{figures}");
    assert_eq!(figures["tid"], task.0.id());
    assert_eq!(figures["shrinker"], "super_cache_scan");
    assert_eq!(figures["fs"], "ext4");
    assert_eq!(figures["cause"], "high");
    assert!(figure(&found, "waited_ns") >= 2_000_000_000);
    let stack: Vec<_> = figures["stack"].as_array().unwrap().iter().collect();
    for function in ["super_cache_scan", "do_shrink_slab"] {
        assert!(stack.iter().any(|one| *one == function), "{stack:?}");
    }

    // The finding is reported for as long as the reclaim is stuck.
    let [short, long] = STUCK;
    let stuck = long_storm().map_or(short, |_| long);
    let begin = Instant::now();
    while begin.elapsed() < stuck {
        let frame = watch.next();
        let rows = frame.of_kind("reclaim");
        let stalls = rows.flat_map(|row| row.data["stalled_now"].as_array().unwrap());
        let mut ours = stalls.filter(|stall| stall["tid"] == task.0.id());
        let stall = ours
            .next()
            .unwrap_or_else(|| panic!("{:#?}", frame.records));
        assert_eq!(stall["is_throttled"], false);
        assert_eq!(stall["unconfirmed"], false);
        let over = |one: &Record| id(one) == id(&found) && one.data["resolved"] == true;
        assert!(!watch.told.iter().any(over), "{:#?}", watch.told);
    }

    // Reclaim continues as soon as the device does.
    drop(suspended);
    assert!(task.0.wait().unwrap().success());
    watch.until_over(&found);
    watch.assert_told(&[("blocked_shrinker", Some("/reclaiming"))]);
}
