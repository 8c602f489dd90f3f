//! The walk of all slabs: known objects in known cgroups, to the object, and pages that add up to
//! what the kernel says of its caches.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::net::UnixDatagram;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde_json::Value;

use crate::contract::Document;
use crate::host::{Cgroup, Folder, eventually, kernel};
use crate::tool;

const PAGE_BYTES: u64 = 4096;
pub const INODES: &str = "shmem_inode_cache";
const DENTRIES: &str = "dentry";
/// A name that does not fit into a dentry is an object of its own.
const NAMES: &str = "kmalloc-rcl-96";
const NAME: &str = "a-name-that-is-too-long-for-the-dentry-that-it-belongs-to";

/// What `memcg-trace slab --json` says.
struct Walk(Document);

impl Walk {
    fn new() -> Self {
        let output = tool::run(&["slab", "--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
        assert_eq!(tool::stderr(&output), "");
        let document = Document::parse(tool::stdout(&output));
        let walk = Self(document);
        walk.check();
        walk
    }

    fn rows(&self, path: &str) -> impl Iterator<Item = &Value> {
        let items = self.0.items.iter();
        items.filter(move |row| row["path"] == path)
    }

    /// The row of a cgroup and a cache, if there is one.
    fn row(&self, path: &str, cache: &str) -> Option<&Value> {
        let mut rows = self.rows(path).filter(|row| row["cache"] == cache);
        let row = rows.next();
        assert!(rows.next().is_none(), "{path} has {cache} twice");
        row
    }

    fn objects(&self, path: &str, cache: &str) -> u64 {
        self.row(path, cache)
            .map_or(0, |row| number(row, "objects"))
    }

    fn inherited(&self, path: &str) -> Option<&Value> {
        let rows = self.0.summary["inherited"].as_array().unwrap();
        rows.iter().find(|row| row["path"] == path)
    }

    fn caches(&self) -> &[Value] {
        self.0.summary["caches"].as_array().unwrap()
    }

    fn cache(&self, name: &str) -> &Value {
        let mut caches = self.caches().iter();
        caches.find(|cache| cache["cache"] == name).unwrap()
    }

    /// What holds of every walk: parts add up.
    fn check(&self) {
        let mut shares: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
        for row in &self.0.items {
            let sum = shares.entry(row["cache"].as_str().unwrap()).or_default();
            sum[0] += number(row, "share_bytes");
            sum[1] += number(row, "objects");
            assert!(number(row, "owned_pages") <= number(row, "touched_pages"));
            assert!(number(row, "share_bytes") <= number(row, "touched_pages") * PAGE_BYTES);
            assert!(number(row, "share_bytes") >= number(row, "owned_pages") * PAGE_BYTES);
            assert!(number(row, "bytes") <= number(row, "share_bytes"), "{row}");
        }
        let mut names = BTreeMap::new();
        for cache in self.caches() {
            *names.entry(cache["cache"].as_str().unwrap()).or_insert(0) += 1;
        }
        for cache in self.caches() {
            let name = cache["cache"].as_str().unwrap();
            // Of two with one name the rows cannot be told apart.
            if names[name] > 1 {
                continue;
            }
            let [share, charged] = shares.get(name).copied().unwrap_or_default();
            let bytes = number(cache, "slab_pages") * PAGE_BYTES;
            let unaccounted = number(cache, "unaccounted_share_bytes");
            assert_eq!(share + unaccounted, bytes, "{cache}");
            assert_eq!(number(cache, "charged_objects"), charged, "{cache}");
            let live = charged + number(cache, "unaccounted_objects");
            assert_eq!(number(cache, "live_objects"), live, "{cache}");
            let given = live + number(cache, "cached_objects");
            assert_eq!(number(cache, "inuse_objects"), given, "{cache}");
            assert!(given <= number(cache, "capacity_objects"), "{cache}");
        }
    }

    /// All that a cgroup has, as `(cache, objects)`.
    fn of(&self, path: &str) -> Vec<(String, u64)> {
        let rows = self.rows(path);
        rows.map(|row| {
            (
                row["cache"].as_str().unwrap().to_owned(),
                number(row, "objects"),
            )
        })
        .collect()
    }
}

fn number(row: &Value, field: &str) -> u64 {
    let value = &row[field];
    value
        .as_u64()
        .unwrap_or_else(|| panic!("{field} is {value}: {row}"))
}

/// Makes files of long names from within a cgroup, by this process.
pub fn make_files(cgroup: &Cgroup, folder: &Folder, files: std::ops::Range<u32>) {
    let names: Vec<_> = files.map(|file| name(folder, file)).collect();
    cgroup.inside(|| {
        names
            .iter()
            .for_each(|name| drop(File::create(name).unwrap()))
    });
}

fn name(folder: &Folder, file: u32) -> String {
    folder.file(&format!("{NAME}-{file:06}"))
}

/// 1,000 files are 1,000 inodes, 1,000 dentries and 1,000 names, with nothing besides: the folder
/// was made outside.
#[test]
fn a_walk_sees_files_to_the_object() {
    let folder = Folder::new("walked-files");
    let cgroup = Cgroup::new("walked-files");
    make_files(&cgroup, &folder, 0..1000);
    let walk = Walk::new();
    println!("{:?}", walk.of(&cgroup.path()));
    for cache in [INODES, DENTRIES, NAMES] {
        assert_eq!(walk.objects(&cgroup.path(), cache), 1000, "{cache}");
    }
    for file in 0..1000 {
        fs::remove_file(name(&folder, file)).unwrap();
    }
    // Freed after a grace period.
    eventually("freed", || {
        let walk = Walk::new();
        match walk.objects(&cgroup.path(), INODES) {
            0 => Ok(()),
            objects => Err(format!("{objects} inodes are left")),
        }
    });
}

/// Pipes and sockets have no name in any directory: each is an inode, a dentry, and a file for
/// each end. Extras: what a pipe and a table of descriptors take from kmalloc, and the sockets
/// themselves, whose cache may be one that the kernel merged with another's.
#[test]
fn a_walk_sees_pipes_and_sockets_to_the_object() {
    const PIPES: u64 = 30;
    const PAIRS: u64 = 20;
    let cgroup = Cgroup::new("walked-fds");
    let made = cgroup.inside(|| {
        let pipes: Vec<_> = (0..PIPES).map(|_| io::pipe().unwrap()).collect();
        let pairs: Vec<_> = (0..PAIRS).map(|_| UnixDatagram::pair().unwrap()).collect();
        (pipes, pairs)
    });
    let walk = Walk::new();
    println!("{:?}", walk.of(&cgroup.path()));
    for (cache, objects) in [
        ("inode_cache", PIPES),
        ("sock_inode_cache", 2 * PAIRS),
        (DENTRIES, PIPES + 2 * PAIRS),
        ("filp", 2 * PIPES + 2 * PAIRS),
    ] {
        assert_eq!(walk.objects(&cgroup.path(), cache), objects, "{cache}");
    }
    drop(made);
}

/// What a memcg is charged for its objects is what the kernel charged it.
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
    // 5.10 keeps up to 32 pages of each CPU, and its stocks, to itself.
    let kept = if kernel() < (6, 0) {
        2 * (128 << 10) + 2 * 4096
    } else {
        0
    };
    assert!(charged.abs_diff(slab) <= charged / 20 + kept);
}

/// Pages of each cache by `/proc/slabinfo`.
fn slabinfo() -> BTreeMap<String, u64> {
    let text = fs::read_to_string("/proc/slabinfo").unwrap();
    let mut pages = BTreeMap::new();
    for line in text.lines().skip(2) {
        let fields: Vec<_> = line.split_whitespace().collect();
        let figure = |at: usize| fields[at].parse::<u64>().unwrap();
        *pages.entry(fields[0].to_owned()).or_default() += figure(5) * figure(14);
    }
    pages
}

/// At rest, that is. The tool itself takes and returns some of kmalloc's.
#[test]
fn pages_are_those_of_slabinfo() {
    /// Pages of a cache of kmalloc that the tool may take: four slabs of the biggest.
    const TOOL: u64 = 32;
    let mut differences = Vec::new();
    let sum = eventually("pages of every cache", || {
        let before = slabinfo();
        let walk = Walk::new();
        let after = slabinfo();
        let mut pages: BTreeMap<&str, u64> = BTreeMap::new();
        for cache in walk.caches() {
            *pages.entry(cache["cache"].as_str().unwrap()).or_default() +=
                number(cache, "slab_pages");
        }
        let sum: u64 = pages.values().sum();
        differences.clear();
        let mut wrong = Vec::new();
        for (name, at_first) in &before {
            let found = pages.remove(&**name).unwrap_or(0);
            let (least, most) = (*at_first.min(&after[name]), *at_first.max(&after[name]));
            let slack = if name.starts_with("kmalloc-") {
                TOOL
            } else {
                0
            };
            if !(least..=most).contains(&found) {
                differences.push((name.clone(), found, least, most));
            }
            if found + slack < least || found > most + slack {
                wrong.push((name.clone(), found, least, most));
            }
        }
        assert!(
            pages.is_empty(),
            "caches that slabinfo does not have: {pages:?}"
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

/// Of pages that were filled, every eighth object is left: an eighth is used of those pages.
#[test]
fn utilization_is_that_of_an_arithmetic_fixture() {
    const FILES: u32 = 8000;
    const KEPT: u32 = 8;
    /// Slabs at the begin and the end, and of objects that the CPUs had kept, have others too.
    const SHARED: u64 = 8;
    let folder = Folder::new("walked-holes");
    let cgroup = Cgroup::new("walked-holes");
    // From one CPU, since each fills slabs of its own.
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

/// Objects outlive their cgroups: then they are an ancestor's, and were inherited.
#[test]
fn what_the_dead_left_is_inherited() {
    let folder = Folder::new("walked-heirs");
    let top = Cgroup::new("walked-heirs");
    let middle = top.child("middle");
    make_files(&middle, &folder, 700..1000);
    let leaf = middle.child("leaf");
    make_files(&leaf, &folder, 0..700);
    // Pages of a file, and of the kernel.
    let big = folder.file("big");
    let (pages, mut pipe) = (vec![1; 50 * 4096], io::pipe().unwrap());
    leaf.inside(|| {
        fs::write(&big, &pages).unwrap();
        pipe.1.write_all(&pages[..10 * 4096]).unwrap();
    });
    let walk = Walk::new();
    // The big one is a file too.
    for (cgroup, objects) in [(&leaf, 701), (&middle, 300)] {
        assert_eq!(walk.objects(&cgroup.path(), INODES), objects);
        assert_eq!(walk.inherited(&cgroup.path()), None);
    }
    leaf.remove();
    assert_inherited(&middle, 1001, 701);
    middle.remove();
    assert_inherited(&top, 1001, 1001);
    top.remove();
    // At the root it is nobody's any more, and can still be seen.
    let walk = eventually("the root inherits", || {
        let walk = Walk::new();
        match walk
            .row("/", INODES)
            .map(|row| number(row, "inherited_objects"))
        {
            Some(objects) if objects >= 1001 => Ok(walk),
            objects => Err(format!("{objects:?} inherited")),
        }
    });
    println!("the root: {:?}", walk.inherited("/"));
    drop(pipe);
}

/// Of so many inodes of a cgroup so many were a child's.
fn assert_inherited(cgroup: &Cgroup, inodes: u64, inherited: u64) {
    let path = cgroup.path();
    let walk = eventually("inherited", || {
        let walk = Walk::new();
        match walk.objects(&path, INODES) {
            objects if objects == inodes => Ok(walk),
            objects => Err(format!("{objects} inodes")),
        }
    });
    println!("{path}: {:?}", walk.inherited(&path).unwrap());
    let row = walk.row(&path, INODES).unwrap();
    assert_eq!(number(row, "inherited_objects"), inherited);
    let sum = walk.inherited(&path).unwrap();
    let objects: u64 = walk
        .rows(&path)
        .map(|row| number(row, "inherited_objects"))
        .sum();
    assert_eq!(number(sum, "slab_objects"), objects);
    assert!(objects >= 2 * inherited);
    // The dead keep their pages themselves where these do not go to the parent.
    let pages = |field: &str, at_least: u64, goes: bool| match (sum[field].as_u64(), goes) {
        (Some(pages), true) => assert!(pages >= at_least, "{field}: {pages}"),
        (None, false) => {}
        (pages, _) => panic!("{field} is {pages:?}"),
    };
    pages("lru_pages", 50, kernel() >= (7, 0));
    pages("kernel_pages", 10, kernel() >= (5, 11));
    let bytes = number(sum, "slab_bytes")
        + [sum["kernel_pages"].as_u64(), sum["lru_pages"].as_u64()]
            .into_iter()
            .flatten()
            .sum::<u64>()
            * PAGE_BYTES;
    assert_eq!(number(sum, "inherited_bytes"), bytes);
}

/// While others make and remove files as fast as they can, those that stay are seen to the object.
#[test]
fn a_storm_does_not_move_what_stays() {
    let folder = Folder::new("walked-calm");
    let cgroup = Cgroup::new("walked-calm");
    make_files(&cgroup, &folder, 0..1000);
    let storm = Folder::new("walked-storm");
    let windy = Cgroup::new("walked-storm");
    let script = "while :; do i=0; while [ $i -lt 50 ]; do : > $1/$i; i=$((i+1)); done; \
                  rm $1/*; done";
    let blower = windy.start(script, &[storm.path()]);
    let mut changed = 0;
    for _ in 0..8 {
        let walk = Walk::new();
        for cache in [INODES, DENTRIES, NAMES] {
            assert_eq!(walk.objects(&cgroup.path(), cache), 1000, "{cache}");
        }
        assert!(walk.objects(&windy.path(), DENTRIES) > 0);
        changed += number(&walk.0.summary, "changed_slabs");
    }
    println!("{changed} slabs changed while they were looked at");
    drop(blower);
}

/// A part of it, as text.
#[test]
fn slab_as_text() {
    let folder = Folder::new("walked-text");
    let cgroup = Cgroup::new("walked-text");
    make_files(&cgroup, &folder, 0..100);
    let output = tool::run(&["slab", "--cgroup", &cgroup.path(), "--cache", INODES]);
    let text = tool::stdout(&output);
    println!("{text}");
    let row = text
        .lines()
        .find(|line| line.contains(INODES) && line.contains(&cgroup.path()));
    let fields: Vec<_> = row.unwrap().split_whitespace().collect();
    assert_eq!(fields[..3], [&*cgroup.path(), INODES, "100"]);
    assert!(!text.contains("(unaccounted)"), "{text}");
    assert!(!text.contains(DENTRIES), "{text}");
    tool::assert_fails(
        &tool::run(&["slab", "--cache", "shmem_inode_cach"]),
        1,
        &["shmem_inode_cach", INODES],
    );
}
