//! Ways in which the kernel allocates, charges and frees objects: whether events count each, and
//! that walks do.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::export::{Export, Frame};
use crate::host::{Cgroup, has_function, kernel};
use crate::slab::{assert_nothing_lost, totals, until_freed, until_seen};
use crate::slab_walk::connections;
use crate::slab_walk::walk::Walk;

/// Built by xtask; without it xtask skips this test and says so.
const MODULE: &str = "/bin/objects.ko";
const FILE: &str = "/proc/objects_to_have";
/// Objects of the module in each way but one, and in that one.
const COUNT: u64 = 30;
const BULK: u64 = 100;
const CONNECTIONS: u64 = 20;
/// Until 7.2 an owner within its object is part of a vector with a stride, which the slab records.
const WITHIN_BYTES: u32 = 128;

/// The ways of the module, and their caches.
const WAYS: [(&str, &str); 6] = [
    ("one", "objects_one"),
    ("bulk", "objects_bulk"),
    ("vector", "objects_vector"),
    ("spare", "objects_spare"),
    ("within", "objects_within"),
    ("kmalloc", "kmalloc"),
];

/// Objects that the module has in a way.
fn count_of(way: &str) -> u64 {
    if way == "bulk" { BULK } else { COUNT }
}

/// Whether xtask has built the module for this kernel.
pub fn is_built() -> bool {
    Path::new(MODULE).exists()
}

/// The module, until dropped.
pub struct Module;

impl Module {
    pub fn load() -> Self {
        let loaded = Command::new("insmod").arg(MODULE).status().unwrap();
        assert!(loaded.success());
        Self
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        let unloaded = Command::new("rmmod").arg("objects").status();
        println!("rmmod: {unloaded:?}");
    }
}

/// Has the module do something.
pub fn ask(word: &str) {
    fs::write(FILE, word).unwrap();
}

/// Objects of bulk calls that hooks did not look at.
fn not_looked_at(frame: &Frame) -> u64 {
    let losses = frame.losses().into_iter();
    let mut bulk = losses.filter(|(place, _)| place == "slab_bulk");
    bulk.next().and_then(|(_, total)| total).unwrap_or(0)
}

/// Objects allocated and freed of the caches whose names begin like this.
fn of(frame: &Frame, path: &str, cache: &str) -> (u64, u64) {
    if cache != "kmalloc" {
        return totals(frame, path, cache);
    }
    // Since 5.14 charged objects have caches of their own.
    let caches = ["kmalloc-1k", "kmalloc-cg-1k"].map(|cache| totals(frame, path, cache));
    (caches[0].0 + caches[1].0, caches[0].1 + caches[1].1)
}

/// Checks that the hooks of a family count each way to the object, but none of the missing ways.
/// Objects of bulk calls that a hook did not look at it counted as lost: only trampolines do.
pub fn count(export: &mut Export, attach: &str, missing: &[&str]) {
    let _module = Module::load();
    until_seen(|attempt| is_counted(export, attach, attempt, missing));
}

/// Returns whether the kernel missed none of the frees; then each is counted.
fn is_counted(export: &mut Export, attach: &str, attempt: u32, missing: &[&str]) -> bool {
    let cgroup = Cgroup::new(format!("ways-{attach}-{attempt}"));
    let path = cgroup.path();
    // Once from outside, so that a slab is there.
    drop(TcpListener::bind("127.0.0.1:0").unwrap());
    let sockets = cgroup.inside(|| {
        WAYS.iter().for_each(|(way, _)| ask(way));
        connections(CONNECTIONS)
    });
    let made = export.fresh();
    let walk = Walk::new();
    for (way, cache) in &WAYS[..5] {
        assert_eq!(walk.objects(&path, cache), count_of(way), "{way}");
    }
    let strides = fs::read_to_string(FILE).unwrap();
    println!("bytes from owner to owner, if that is a word of slabs here: {strides:?}");
    if kernel() >= (7, 1) {
        let is_within = format!("objects_within {WITHIN_BYTES}\n");
        assert!(strides.contains(&is_within), "{strides}");
        assert!(strides.contains("objects_vector 8\n"), "{strides}");
    }
    for (way, _) in WAYS {
        ask(&format!("-{way}"));
    }
    drop(sockets);
    // Since 6.12 accepted sockets are charged at that point.
    let accepted = match has_function("kmem_cache_charge") {
        true => CONNECTIONS,
        false => 0,
    };
    let (freed, unseen) = until_freed(export, |frame| {
        let lost = not_looked_at(frame);
        let ways = WAYS.iter().map(|(way, cache)| {
            let freed = of(frame, &path, cache).1 + lost;
            count_of(way).saturating_sub(freed)
        });
        let sockets = of(frame, &path, "TCP").1;
        let left = (1 + CONNECTIONS + accepted).saturating_sub(sockets);
        ways.chain([left]).collect()
    });
    let lost = not_looked_at(&freed);
    if attach != "trampoline" {
        assert_nothing_lost(&freed);
    }
    if unseen > 0 {
        return false;
    }
    for (way, cache) in WAYS {
        let count = count_of(way);
        let (allocs, frees) = (of(&made, &path, cache).0, of(&freed, &path, cache).1);
        println!("  {way}: {count} objects, {allocs} allocations counted, {frees} frees");
        let expected = if missing.contains(&way) { 0 } else { count };
        match way {
            "bulk" if attach == "trampoline" => {
                println!("  and {lost} lost");
                assert_eq!(allocs + frees + lost, 2 * count);
            }
            // Other tasks may have a few more of these.
            "kmalloc" => assert!((COUNT..COUNT + 5).contains(&allocs), "{allocs}"),
            _ => assert_eq!((allocs, frees), (expected, count), "{way}"),
        }
    }
    let allocs = of(&freed, &path, "TCP").0;
    println!("  kmem_cache_charge: {accepted} of {CONNECTIONS} accepted sockets, {allocs} counted");
    let charges = match missing.contains(&"charge") {
        true => 0,
        false => accepted,
    };
    assert_eq!(allocs, 1 + CONNECTIONS + charges);
    assert_eq!(of(&freed, &path, "TCP").1, 1 + CONNECTIONS + accepted);
    true
}

/// The default hooks; `variants` has the same test for trampolines. `doctor` names the ways that
/// are not counted.
#[test]
fn each_way_is_counted_or_named() {
    let mut export = Export::start(&[]);
    count(&mut export, "auto", &["bulk", "charge"]);
    export.stop();
}
