//! A host that runs short of memory: its page cache and the memory of its tasks exceed its RAM, so
//! that kswapd and direct reclaim take pages from all memcgs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::{
    Disk, Setting, assert_all, assert_near, assert_pages, assert_pressure, compare_pages,
    compare_pressure, small,
};
use crate::disk;
use crate::export::{Export, Frame};
use crate::host::{Cgroup, ROOT, eventually};
use crate::pins::memory::Memory;
use crate::slab::missed;
use crate::vmscan::Trace;

/// The memory that page cache and tasks have left.
const LEFT_KB: u64 = 200 << 10;
/// The memory that is kept free in turns, so that an allocation has to reclaim.
const FREE_KB: u64 = 90 << 10;
const MORE_KB: u64 = 20 << 10;
const LEVEL: &str = "/proc/sys/vm/min_free_kbytes";
const POOL: &str = "/proc/sys/vm/nr_hugepages";
const SWAPPINESS: &str = "/proc/sys/vm/swappiness";
/// Pages of a task: 60 MiB, of which 16 fit into swap.
const PAGES: usize = 15_360;
const READERS: u64 = 4;
/// A request so small that MGLRU, too, begins at a low priority (mm/vmscan.c:
/// lru_gen_shrink_node()).
const LITTLE: &str = "128K";
/// This many pages by each way suffice for a comparison within 2 %.
const ENOUGH_PAGES: u64 = 5_000;

/// A RAM disk used as swap.
struct Swap(String);

impl Swap {
    fn on() -> Self {
        let swap = Self(disk::unused());
        for program in ["mkswap", "swapon"] {
            let status = Command::new(program).arg(&swap.0).status().unwrap();
            assert!(status.success(), "{program}: {status}");
        }
        swap
    }
}

impl Drop for Swap {
    fn drop(&mut self) {
        let _ = Command::new("swapoff").arg(&self.0).status();
    }
}

fn free_kb() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    let line = text.lines().find(|line| line.starts_with("MemFree:"));
    line.unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

/// /proc/vmstat.
struct Vmstat(BTreeMap<String, u64>);

impl Vmstat {
    fn now() -> Self {
        let text = fs::read_to_string("/proc/vmstat").unwrap();
        let figure = |line: &str| {
            let (name, figure) = line.split_once(' ')?;
            Some((name.to_owned(), figure.parse().ok()?))
        };
        Self(text.lines().filter_map(figure).collect())
    }

    /// Growth of the figures whose names have this prefix.
    fn grown(&self, before: &Self, name: &str) -> u64 {
        let all = self.0.iter().filter(|(one, _)| one.starts_with(name));
        let grown = all.map(|(one, now)| now - before.0[one]);
        grown.sum()
    }

    fn scans(&self) -> Vec<(&String, &u64)> {
        let all = self.0.iter();
        all.filter(|(name, _)| name.contains("scan")).collect()
    }
}

/// The sum over all memcgs.
fn told(frame: &Frame, cause: Option<&str>, figure: &str) -> u64 {
    let rows = frame.of_kind("reclaim");
    let rows = rows.filter(|row| cause.is_none_or(|cause| row.data["cause"] == cause));
    rows.map(|row| row.number(figure)).sum()
}

fn scanned_objects(frame: &Frame) -> u64 {
    let rows = frame.of_kind("shrinker");
    rows.map(|row| row.number("scanned_objects_total")).sum()
}

/// A snapshot during which nothing is reclaimed, with the kernel's figures.
fn quiet(export: &mut Export) -> (Frame, Vmstat) {
    eventually("nobody reclaims", || {
        let before = Vmstat::now();
        let frame = export.fresh();
        let now = Vmstat::now();
        match before.scans() == now.scans() {
            true => Ok((frame, now)),
            false => Err("somebody does".into()),
        }
    })
}

/// Lets tasks read and keeps the host short of memory, until enough was reclaimed in both ways.
fn squeeze(before: &Vmstat) {
    let level = Setting::of(LEVEL);
    let usual: u64 = level.before.trim().parse().unwrap();
    eventually("kswapd and tasks reclaim", || {
        let now = Vmstat::now();
        let [background, direct] =
            ["pgsteal_kswapd", "pgsteal_direct"].map(|name| now.grown(before, name));
        if background < ENOUGH_PAGES {
            return Err(format!("{background} pages by kswapd"));
        }
        // Below this level each allocation has to reclaim. The level rises as long as reclaim
        // reaches it, and then falls again.
        let free_kb = free_kb();
        level.set(match free_kb < FREE_KB {
            true => free_kb + MORE_KB,
            false => usual,
        });
        match direct >= ENOUGH_PAGES {
            true => Ok(()),
            false => Err(format!("{background} pages by kswapd, {direct} by tasks")),
        }
    });
}

/// Reclaims a little from the whole host, on older kernels as much as [`squeeze`].
fn reclaim_little<Reader>(read: impl Fn() -> Vec<Reader>) {
    let reclaim = Path::new(ROOT).join("memory.reclaim");
    if !reclaim.exists() {
        let readers = read();
        squeeze(&Vmstat::now());
        drop(readers);
        return;
    }
    for _ in 0..10 {
        // The write fails if less than that was reclaimed.
        let _ = fs::write(&reclaim, LITTLE);
    }
}

pub fn takes_from_all(export: &mut Export, disk: &Disk) {
    let holes = disk.holes();
    let (cache, private) = (Cgroup::new("cache"), Cgroup::new("private"));
    let swappiness = Setting::of(SWAPPINESS);
    swappiness.set(200);
    let swap = Swap::on();
    let pool = Setting::of(POOL);
    pool.set((free_kb() - LEFT_KB) / 2048);
    let memory = private.inside(|| {
        let memory = Memory::private(PAGES);
        memory.touch();
        memory
    });
    let (frame_before, before) = quiet(export);

    let mut small_caches = small::Caches::new();
    let trace = Trace::start(&["mm_vmscan_direct_reclaim_begin"]);
    let read = || -> Vec<_> {
        let reader = |at| {
            let skip = format!("skip={}", at << 15);
            let read = "exec dd if=\"$1\" of=/dev/null bs=64k \"$2\" 2>&-";
            cache.start(read, &[&holes, &skip])
        };
        (0..READERS).map(reader).collect()
    };
    let readers = read();
    squeeze(&before);
    drop(readers);
    if let Some(caches) = &mut small_caches {
        caches.look(export);
    }
    let (frame, now) = quiet(export);
    let traced = trace.stop();
    drop(pool);

    let since = |cause, figure| told(&frame, cause, figure) - told(&frame_before, cause, figure);
    for (figure, name) in [
        ("scanned_pages_total", "pgscan"),
        ("reclaimed_pages_total", "pgsteal"),
    ] {
        for (cause, ways) in [
            ("kswapd", &["kswapd"][..]),
            ("direct", &["direct", "khugepaged"]),
        ] {
            let ways = ways.iter().map(|way| format!("{name}_{way}"));
            // `pgscan_direct_throttle` is no number of pages.
            let kernel: u64 = ways
                .map(|way| now.0.get(&way).unwrap_or(&0) - before.0.get(&way).unwrap_or(&0))
                .sum();
            assert_near(
                &format!("{name} by {cause}"),
                &frame,
                since(Some(cause), figure),
                (kernel, 1),
            );
        }
    }
    // Each start is one stall of its task; one of a kernel thread delays nobody.
    let begins = traced
        .lines()
        .filter(|line| line.contains("direct_reclaim_begin:"));
    let begins = begins.count() as u64;
    let tries = now.grown(&before, "allocstall");
    let [stalls, background] =
        ["stalls_total", "background_total"].map(|figure| since(Some("direct"), figure));
    assert_all("direct reclaims", &frame, stalls + background, begins);
    // A run that got nothing tries once more, and is counted twice there.
    assert!(
        begins <= tries && tries <= 2 * begins,
        "{begins}, {tries} tries"
    );
    let objects = scanned_objects(&frame) - scanned_objects(&frame_before);
    let kernel = now.grown(&before, "slabs_scanned");
    println!("slabs_scanned: {objects}, kernel {kernel}");
    match missed(&frame) {
        // A call scans any number of objects.
        Some(1..) => assert!(objects <= kernel),
        Some(0) => assert_eq!(objects, kernel),
        // Older kernels do not count all runs that they skip: a call of 2 objects was one.
        None => assert!(objects <= kernel && kernel - objects <= kernel / 1000),
    }
    assert_pages(&frame, &cache);
    // MGLRU may not call it.
    compare_pages(&frame, &private);
    assert_pressure(export, &cache);
    drop((memory, swap));
    // The root's pressure is the host's.
    compare_pressure(export, "/", Path::new("/proc/pressure/memory"));
    if let Some(caches) = small_caches {
        caches.are_told_apart(export, || reclaim_little(read));
    }
}
