//! Pages of slabs, against the kernel's own figures.

use std::collections::BTreeMap;
use std::fs;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::walk::{INODES, PAGE_BYTES, Walk, make_files, name, number};
use crate::host::{Cgroup, Folder, eventually, kernel};

/// The bytes charged for a memcg's objects match the kernel's.
#[test]
fn charged_bytes_are_those_of_memory_stat() {
    const FILES: u32 = 20_000;
    let folder = Folder::new("walked-bytes");
    let cgroup = Cgroup::new("walked-bytes");
    make_files(&cgroup, &folder, 0..FILES);
    let walk = Walk::new();
    let charged: u64 = walk
        .rows(&cgroup.path())
        .map(|row| number(row, "charged_bytes"))
        .sum();
    let slab = cgroup.stat("memory.stat", "slab").unwrap();
    println!("{charged} bytes, memory.stat {slab}");
    assert!(charged >= 16 << 20, "{charged}");
    // 5.10 keeps up to 32 pages of each CPU, and its stocks, out of the figures.
    let kept = if kernel() < (6, 0) {
        2 * (128 << 10) + 2 * 4096
    } else {
        0
    };
    assert!(charged.abs_diff(slab) <= charged / 20 + kept);
}

/// Slabs of a cache, and pages of a slab of the usual size.
type Slabs = (u64, u64);

/// Slabs of each cache by `/proc/slabinfo`.
fn slabinfo() -> BTreeMap<String, Slabs> {
    let text = fs::read_to_string("/proc/slabinfo").unwrap();
    let mut caches: BTreeMap<String, Slabs> = BTreeMap::new();
    for line in text.lines().skip(2) {
        let fields: Vec<_> = line.split_whitespace().collect();
        let figure = |at: usize| fields[at].parse::<u64>().unwrap();
        let (slabs, pages) = caches.entry(fields[0].to_owned()).or_default();
        *slabs += figure(14);
        *pages = figure(5).max(*pages);
    }
    caches
}

/// On an idle host. The tool itself takes and returns some kmalloc slabs. Slabs that were made when
/// memory was short are smaller (mm/slub.c: allocate_slab()), which slabinfo does not say.
#[test]
fn slabs_are_those_of_slabinfo() {
    /// Slabs of a kmalloc cache that the tool may take.
    const TOOL: u64 = 32;
    let mut differences = Vec::new();
    let sum = eventually("slabs of every cache", || {
        let before = slabinfo();
        let walk = Walk::new();
        let after = slabinfo();
        let mut found: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for cache in walk.caches() {
            let name = cache["cache"].as_str().unwrap();
            let (slabs, pages) = found.entry(name).or_default();
            *slabs += number(cache, "slabs");
            *pages += number(cache, "slab_pages");
        }
        let sum: u64 = found.values().map(|(_, pages)| pages).sum();
        differences.clear();
        let mut wrong = Vec::new();
        for (name, (at_first, usual)) in &before {
            let (slabs, pages) = found.remove(&**name).unwrap_or_default();
            let last = after[name].0;
            let (least, most) = (*at_first.min(&last), *at_first.max(&last));
            let slack = if name.starts_with("kmalloc-") {
                TOOL
            } else {
                0
            };
            let row = (name.clone(), slabs, pages, least, most, *usual);
            if slabs + slack < least || slabs > most + slack {
                wrong.push(row.clone());
            }
            assert!((slabs..=slabs * usual).contains(&pages), "{row:?}");
            if !(least..=most).contains(&slabs) || pages != slabs * usual {
                differences.push(row);
            }
        }
        assert!(
            found.is_empty(),
            "caches that slabinfo does not have: {found:?}"
        );
        if wrong.is_empty() {
            Ok(sum)
        } else {
            Err(format!("{wrong:?}"))
        }
    });
    println!("{sum} pages; {differences:?}");
    assert!(sum > 1000);
}

/// `Slab:` of meminfo is slabs and the large allocations of kmalloc: both together are within two
/// per cent, on kernels where such pages can be told from others.
#[test]
fn meminfo_has_slabs_and_large_kmalloc() {
    let said = eventually("Slab: of meminfo", || {
        let walk = Walk::new();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap();
        let line = meminfo
            .lines()
            .find(|line| line.starts_with("Slab:"))
            .unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        let (slabs, said) = (number(&walk.0.summary, "slab_pages"), kib / 4);
        let large = walk.0.summary["large_kmalloc_pages"].as_u64();
        assert_eq!(large.is_some(), kernel() >= (6, 15));
        let figures = format!("{slabs} pages of slabs, {large:?} of kmalloc, meminfo {said}");
        let is_right = match large {
            Some(large) => (slabs + large).abs_diff(said) <= said / 50,
            None => slabs <= said + said / 50,
        };
        if is_right { Ok(figures) } else { Err(figures) }
    });
    println!("{said}");
}

/// Every eighth object of filled pages is left: an eighth of those pages is used.
#[test]
fn utilization_is_that_of_an_arithmetic_fixture() {
    const FILES: u32 = 8000;
    const KEPT: u32 = 8;
    /// Slabs at the start and the end, and slabs of objects from per-CPU caches, contain other
    /// objects, too.
    const SHARED: u64 = 8;
    let folder = Folder::new("walked-holes");
    let cgroup = Cgroup::new("walked-holes");
    // From one CPU, since each CPU fills slabs of its own.
    let all = sched_getaffinity(None).unwrap();
    let mut one = CpuSet::new();
    one.set(0);
    sched_setaffinity(None, &one).unwrap();
    make_files(&cgroup, &folder, 0..FILES);
    let full = Walk::new();
    for file in (0..FILES).filter(|file| file % KEPT != 0) {
        fs::remove_file(name(&folder, file)).unwrap();
    }
    sched_setaffinity(None, &all).unwrap();
    let left = u64::from(FILES / KEPT);
    let walk = eventually("freed", || {
        let walk = Walk::new();
        match walk.objects(&cgroup.path(), INODES) {
            objects if objects == left => Ok(walk),
            objects => Err(format!("{objects} inodes are left")),
        }
    });
    let path = cgroup.path();
    let (before, after) = (
        full.row(&path, INODES).unwrap(),
        walk.row(&path, INODES).unwrap(),
    );
    let cache = walk.cache(INODES);
    println!("full {before}\nholes {after}\n{cache}");
    let per_slab = number(cache, "capacity_objects") / number(cache, "slabs");
    let slab_pages = number(cache, "slab_pages") / number(cache, "slabs");
    let slabs = u64::from(FILES).div_ceil(per_slab);
    let pages = number(before, "touched_pages");
    assert!(
        (slabs..=slabs + SHARED).contains(&(pages / slab_pages)),
        "{pages} pages"
    );
    assert!(number(after, "touched_pages") <= pages);
    assert!(number(after, "touched_pages") >= pages - SHARED * slab_pages);
    let size = number(cache, "size_bytes");
    let expected = ratio(left * size, slabs * slab_pages * PAGE_BYTES);
    let said = after["utilization"].as_f64().unwrap();
    println!("{said} used, {expected} expected");
    assert!(
        (said / expected - 1.0).abs() < 0.05,
        "{said} is not {expected}"
    );
    let freeable = number(cache, "freeable_pages");
    let packed = left.div_ceil(per_slab) * slab_pages;
    assert!(
        freeable + packed >= number(after, "owned_pages"),
        "{freeable}"
    );
    assert_eq!(number(after, "bytes"), left * size);
}

fn ratio(of: u64, all: u64) -> f64 {
    f64::from(u32::try_from(of).unwrap()) / f64::from(u32::try_from(all).unwrap())
}
