//! Reclaim, against the kernel's own figures: memory.stat, memory.events, memory.pressure and
//! /proc/vmstat.

mod global;
mod limits;
mod oom;
mod oom_memory;
mod shrinkers;
mod sleepers;
mod small;

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::contract::Record;
use crate::disk;
use crate::export::{Export, Frame};
use crate::host::{Cgroup, Folder};
use crate::slab::{assert_nothing_lost, missed};

/// The size of a file, more than any limit here.
const FILE_MIB: &str = "12";
/// Pages that both CPUs keep of a counter before they add them to a memcg's figures
/// (include/linux/memcontrol.h: MEMCG_CHARGE_BATCH).
const UNFLUSHED_PAGES: u64 = 64;
/// The most pages of one reclaim event (mm/vmscan.c: MAX_LRU_BATCH, SWAP_CLUSTER_MAX).
const BATCH_PAGES: u64 = 64;

/// All tests in one start of the tool: the counts add up.
#[test]
fn what_is_counted_is_what_the_kernel_counts() {
    let disk = Disk::new();
    let mut export = Export::start(&[]);
    shrinkers::sums_are_those_of_the_kernels_trace(&mut export);
    limits::make_tasks_wait_and_take_pages(&mut export, &disk);
    sleepers::lose_nothing(&mut export);
    global::takes_from_all(&mut export, &disk);
    oom::kills(&mut export);
    oom_memory::explained(&mut export);
    assert_nothing_lost(&export.fresh());
    export.stop();
}

/// A file on a disk, none of whose pages is in memory.
struct Disk {
    folder: Folder,
}

impl Disk {
    fn new() -> Self {
        let device = disk::unused();
        disk::format(&device, &[]);
        let folder = Folder::new("reclaimed");
        mount(&*device, &folder.0, "ext4", MountFlags::empty(), None).unwrap();
        let disk = Self { folder };
        let (file, count) = (format!("of={}", disk.file()), format!("count={FILE_MIB}"));
        let written = Command::new("dd")
            .args(["if=/dev/zero", &file, "bs=1M", &count])
            .status();
        assert!(written.unwrap().success());
        disk.forget();
        disk
    }

    fn file(&self) -> String {
        self.folder.file("data")
    }

    /// A sparse file, which fills memory all the same when it is read.
    fn holes(&self) -> String {
        let path = self.folder.file("holes");
        fs::File::create(&path).unwrap().set_len(8 << 30).unwrap();
        path
    }

    fn forget(&self) {
        rustix::fs::sync();
        fs::write("/proc/sys/vm/drop_caches", "1").unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // At once, so that no page of the file system pins a cgroup.
        if unmount(&self.folder.0, UnmountFlags::empty()).is_err() {
            let _ = unmount(&self.folder.0, UnmountFlags::DETACH);
        }
    }
}

/// A setting, restored when dropped.
struct Setting {
    file: &'static str,
    before: String,
}

impl Setting {
    fn of(file: &'static str) -> Self {
        let before = fs::read_to_string(file).unwrap();
        Self { file, before }
    }

    fn set(&self, value: u64) {
        fs::write(self.file, value.to_string()).unwrap();
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        let _ = fs::write(self.file, &self.before);
    }
}

/// The sum of a figure over the rows of a memcg, and of a cause if there is one.
fn sum(frame: &Frame, path: &str, cause: Option<&str>, figure: &str) -> u64 {
    of(frame, path, cause).map(|row| row.number(figure)).sum()
}

fn of<'a>(
    frame: &'a Frame,
    path: &'a str,
    cause: Option<&'a str>,
) -> impl Iterator<Item = &'a Record> {
    frame
        .of_kind("reclaim")
        .filter(move |row| row.is_of("reclaim", path))
        .filter(move |row| cause.is_none_or(|cause| row.data["cause"] == cause))
}

/// The number of reclaims that a limit of a memcg caused.
fn reclaims_for(frame: &Frame, limit: &str, cause: &str) -> u64 {
    let rows = frame.of_kind("reclaim");
    rows.filter(|row| row.data["limited_by_path"] == limit && row.data["cause"] == cause)
        .map(|row| {
            let asleep = row.number("throttles_total");
            let runs = row.number("stalls_total") - asleep;
            // Runs of kswapd have no limit, so background runs here are the kernel's works for
            // memory.high.
            runs + row.number("background_total")
        })
        .sum()
}

/// Checks that each reclaim for a limit is counted once in memory.events, too.
fn assert_reclaims(frame: &Frame, cgroup: &Cgroup, cause: &str) {
    let told = reclaims_for(frame, &cgroup.path(), cause);
    let kernel = cgroup.stat("memory.events", cause).unwrap();
    let what = format!("{}: reclaims for memory.{cause}", cgroup.path());
    assert_all(&what, frame, told, kernel);
}

/// Checks that all events were counted, but for reported runs that the kernel skipped.
fn assert_all(what: &str, frame: &Frame, told: u64, kernel: u64) {
    let missed = missed(frame).unwrap_or(0);
    println!("{what}: {told}, kernel {kernel}; {missed} runs missed");
    let is_right = told <= kernel && kernel - told <= missed;
    assert!(is_right, "{what}: {told}, {kernel}: {:#?}", frame.records);
    assert!(told > 0, "nothing to compare");
}

/// Checks that a count is within 2 % of the kernel's, which is the sum of some counters, or differs
/// only by pages that those have not flushed, or by skipped runs of programs.
fn assert_near(what: &str, frame: &Frame, told: u64, (kernel, counters): (u64, u64)) {
    let missed = missed(frame).unwrap_or(0);
    println!("{what}: {told}, kernel {kernel}; {missed} runs missed");
    let slack = (counters * UNFLUSHED_PAGES).max(kernel / 50);
    let slack = slack.max(missed * BATCH_PAGES);
    assert!(told.abs_diff(kernel) <= slack, "{what}: {told}, {kernel}");
}

/// Checks pages of a memcg without children against its memory.stat, up to unflushed pages.
fn assert_pages(frame: &Frame, cgroup: &Cgroup) {
    compare_pages(frame, cgroup);
    let scanned = cgroup.stat("memory.stat", "pgscan").unwrap();
    assert!(scanned > 10 * UNFLUSHED_PAGES, "too little to be a test");
}

/// The same check, also where there are no pages.
fn compare_pages(frame: &Frame, cgroup: &Cgroup) {
    for (figure, key) in [
        ("scanned_pages_total", "pgscan"),
        ("reclaimed_pages_total", "pgsteal"),
    ] {
        let told = sum(frame, &cgroup.path(), None, figure);
        let kernel = cgroup.stat("memory.stat", key).unwrap();
        // Of kswapd and direct reclaim (mm/memcontrol.c: memory_stat_format()).
        let what = format!("{} {key}", cgroup.path());
        assert_near(&what, frame, told, (kernel, 2));
        // Pages by source, on kernels with such figures.
        for cause in ["kswapd", "direct", "proactive"] {
            let ours: &[&str] = match cause {
                "direct" => &["direct", "high", "max"],
                cause => &[cause],
            };
            let of_cause = |key: &str, cause: &str| {
                let key = format!("{key}_{cause}");
                cgroup.stat("memory.stat", &key)
            };
            let Some(kernel) = of_cause(key, cause) else {
                continue;
            };
            // Until 6.14 reclaim on request is counted as direct.
            let has_proactive = of_cause(key, "proactive").is_some();
            let ours = ours.iter().copied();
            let ours = ours.chain((cause == "direct" && !has_proactive).then_some("proactive"));
            let told: u64 = ours
                .map(|ours| sum(frame, &cgroup.path(), Some(ours), figure))
                .sum();
            assert_near(
                &format!("{} {key}_{cause}", cgroup.path()),
                frame,
                told,
                (kernel, 1),
            );
        }
    }
}

/// Checks the stalled time against the kernel's own account. The kernel adds it up every two
/// seconds while there is any, so this needs a cgroup in which no task waits any more.
fn assert_pressure(export: &mut Export, cgroup: &Cgroup) {
    let file = cgroup.dir().join("memory.pressure");
    compare_pressure(export, &cgroup.path(), &file);
}

fn compare_pressure(export: &mut Export, path: &str, file: &Path) {
    let told_us = export.until("time lost", |frame| {
        let pressure = fs::read_to_string(file).unwrap();
        let row = of(frame, path, None).next();
        let row = row.ok_or("no row")?;
        let both = [("some", "psi_some_ns_total"), ("full", "psi_full_ns_total")];
        // Pressure is read for memcgs of the last walk, which may be older.
        if both.iter().any(|(_, field)| row.data[field].is_null()) {
            return Err(format!("not walked yet: {row:?}"));
        }
        let both = both.map(|(word, field)| {
            let line = pressure
                .lines()
                .find(|line| line.starts_with(word))
                .unwrap();
            let kernel = line
                .rsplit_once("total=")
                .unwrap()
                .1
                .parse::<u64>()
                .unwrap();
            (row.number(field) / 1000, kernel)
        });
        match both.iter().all(|(told, kernel)| told == kernel) {
            true => Ok(both.map(|(told, _)| told)),
            false => Err(format!("told, kernel: {both:?}")),
        }
    });
    println!("{path}: lost {told_us:?} us, some and full");
    assert!(told_us[0] > 0, "nothing to compare");
}
