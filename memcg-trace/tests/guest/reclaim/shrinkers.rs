//! Shrinkers, against the text of the kernel's own trace of the same events.

use std::collections::BTreeMap;
use std::fs;

use crate::export::{Export, Frame};
use crate::host::{Cgroup, Folder};
use crate::slab::{FILES, assert_nothing_lost, make_files, missed, until_seen};
use crate::vmscan::Trace;

/// Calls, objects asked for, scanned and freed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    runs: u64,
    asked: u64,
    scanned: u64,
    freed: u64,
}

/// Sums by name of the function.
type Shrinkers = BTreeMap<String, Sums>;

/// Adds up pairs of start and end of the same task.
fn sums(trace: &str) -> Shrinkers {
    let mut open: BTreeMap<u64, (String, u64)> = BTreeMap::new();
    let mut sums = Shrinkers::new();
    for line in trace.lines().filter(|line| !line.starts_with('#')) {
        // `comm-pid [cpu] flags time: event: function+0x0/0x10 address: figures`
        let (head, figures) = line.split_once(": mm_shrink_slab_").unwrap();
        let task = head.split(" [").next().unwrap();
        let pid = task.rsplit('-').next().unwrap().trim().parse().unwrap();
        let (event, figures) = figures.split_once(": ").unwrap();
        let function = figures.split('+').next().unwrap().to_owned();
        let after = |label: &str| -> i64 {
            let rest = figures.split(&format!("{label} ")).nth(1).unwrap();
            rest.split(' ').next().unwrap().parse().unwrap()
        };
        let objects = u64::try_from(after("total_scan")).unwrap();
        if event == "start" {
            let nested = open.insert(pid, (function, objects));
            assert_eq!(nested, None, "two starts of {pid}: {line}");
            continue;
        }
        let (started, asked) = open
            .remove(&pid)
            .unwrap_or_else(|| panic!("no start: {line}"));
        assert_eq!(started, function, "{line}");
        let sum = sums.entry(function).or_default();
        sum.runs += 1;
        sum.asked += asked;
        sum.scanned += asked - objects;
        sum.freed += u64::try_from(after("last shrinker return val")).unwrap();
    }
    assert!(open.is_empty(), "no end: {open:?}");
    sums
}

/// Sums from records; `runs` are calls there, which include those that found nothing.
fn told(frame: &Frame) -> Shrinkers {
    let mut sums = Shrinkers::new();
    for record in frame.of_kind("shrinker") {
        let name = record.data["shrinker"].as_str().unwrap();
        let sum = sums.entry(name.to_owned()).or_default();
        sum.runs += record.number("calls_total");
        sum.asked += record.number("asked_objects_total");
        sum.scanned += record.number("scanned_objects_total");
        sum.freed += record.number("freed_objects_total");
    }
    sums
}

fn difference(after: &Shrinkers, before: &Shrinkers) -> Shrinkers {
    let since = |(name, after): (&String, &Sums)| {
        let before = before.get(name).copied().unwrap_or_default();
        let sums = Sums {
            runs: after.runs - before.runs,
            asked: after.asked - before.asked,
            scanned: after.scanned - before.scanned,
            freed: after.freed - before.freed,
        };
        (name.clone(), sums)
    };
    after.iter().map(since).collect()
}

/// Runs something that makes shrinkers work while both trace it, and compares; once more if the
/// kernel skipped one of our programs meanwhile, which it counts.
fn compare(export: &mut Export, what: &str, mut work: impl FnMut()) -> Frame {
    let mut seen = None;
    until_seen(|_| {
        seen = compare_once(export, what, &mut work);
        seen.is_some()
    });
    seen.unwrap()
}

/// Returns `None` if the kernel skipped programs, and the sums differ.
fn compare_once(export: &mut Export, what: &str, work: impl FnOnce()) -> Option<Frame> {
    let first = export.fresh();
    let before = told(&first);
    let trace = Trace::start(&["mm_shrink_slab_start", "mm_shrink_slab_end"]);
    work();
    let traced = sums(&trace.stop());
    let frame = export.fresh();
    let mut seen = difference(&told(&frame), &before);
    let calls: u64 = seen.values().map(|sums| sums.runs).sum();
    let runs: u64 = traced.values().map(|sums| sums.runs).sum();
    println!("{what}: {calls} calls, {runs} runs traced");
    for (name, sums) in &traced {
        println!("{what}: {name}: {sums:?}");
    }
    for (name, sums) in &mut seen {
        let runs = traced.get(name).copied().unwrap_or_default().runs;
        assert!(
            sums.runs >= runs,
            "{name}: {} calls, {runs} runs",
            sums.runs
        );
        sums.runs = runs;
    }
    seen.retain(|_, sums| *sums != Sums::default());
    assert_nothing_lost(&frame);
    let skipped = missed(&frame).unwrap_or(0) - missed(&first).unwrap_or(0);
    if seen != traced && skipped > 0 {
        println!("{what}: the kernel skipped {skipped} runs: {seen:?}");
        return None;
    }
    assert_eq!(seen, traced, "ours, and what the kernel traced");
    assert!(runs > 0, "no shrinker had anything to do");
    Some(frame)
}

/// Reads every file of two file systems, whose inodes and dentries nobody needs afterwards.
const LOOK_AROUND: &str = "find /sys/devices /sys/kernel/slab /proc/sys >&- 2>&-; true";

pub fn sums_are_those_of_the_kernels_trace(export: &mut Export) {
    let (cgroup, folder) = (Cgroup::new("shrunk"), Folder::new("shrunk"));

    // Some objects that can be freed, and some that cannot.
    make_files(&cgroup, &folder);
    let frame = compare(export, "drop_caches", || {
        Cgroup::new("around").run(LOOK_AROUND, &[]);
        fs::write("/proc/sys/vm/drop_caches", "2").unwrap();
    });
    let total = |field| -> u64 { frame.of_kind("shrinker").map(|row| row.number(field)).sum() };
    assert!(
        total("freed_objects_total") > 500,
        "too little to be a test"
    );
    assert_eq!(
        fs::read_dir(&folder.0).unwrap().count() as u64,
        FILES,
        "files are gone"
    );

    // A limit below the size of the dentries and inodes: writing it reclaims from this cgroup.
    let frame = compare(export, "memory.high", || {
        cgroup.run(LOOK_AROUND, &[]);
        cgroup.set("memory.high", "4096");
        cgroup.set("memory.high", "max");
    });
    let of_cgroup = || {
        frame
            .records
            .iter()
            .filter(|row| row.is_of("shrinker", "/shrunk") && row.data["memcg_aware"] == true)
    };
    let freed: u64 = of_cgroup()
        .map(|row| row.number("freed_objects_total"))
        .sum();
    println!("memory.high: {freed} objects of /shrunk freed");
    assert!(freed > 500, "{freed}");
    let of_sysfs = of_cgroup().find(|row| row.data["fs"] == "sysfs");
    let of_sysfs = of_sysfs.unwrap_or_else(|| panic!("no shrinker of sysfs: {frame:?}"));
    assert_eq!(of_sysfs.data["shrinker"], "super_cache_scan");
    assert!(of_sysfs.number("time_ns_total") >= of_sysfs.number("max_ns"));
    assert!(of_sysfs.number("max_ns") > 0);
}
