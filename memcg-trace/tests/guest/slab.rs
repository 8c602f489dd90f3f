//! Slab objects: a known number of files is exactly that many inodes, dentries and long names.

use std::fs;

use crate::export::{Export, Frame};
use crate::host::{Cgroup, Folder, kernel};

/// Files that a workload makes.
pub const FILES: u64 = 1000;
const INODES: &str = "shmem_inode_cache";
const DENTRIES: &str = "dentry";
/// A name that does not fit into a dentry is an object of its own; with its head this one takes
/// between 64 and 96 bytes on every kernel.
const NAMES: &str = "kmalloc-rcl-96";
const NAME: &str = "a-name-that-is-too-long-for-the-dentry-that-it-belongs-to";
/// Directories, and other names that a shell looks up; each is a dentry of its own.
const OTHERS: u64 = 20;

/// Makes [`FILES`] empty files from within a cgroup.
pub fn make_files(cgroup: &Cgroup, folder: &Folder) {
    let script = "i=1000; while [ $i -lt $3 ]; do : > \"$1/$2-$i\"; i=$((i+1)); done";
    let end = (1000 + FILES).to_string();
    cgroup.run(script, &[folder.path(), NAME, &end]);
}

pub fn remove_files(folder: &Folder) {
    let files = fs::read_dir(&folder.0).unwrap();
    let removed = files.map(|file| fs::remove_file(file.unwrap().path()).unwrap());
    assert_eq!(removed.count() as u64, FILES);
}

/// Objects of a cache charged to and uncharged from a memcg since the start.
pub fn totals(frame: &Frame, path: &str, cache: &str) -> (u64, u64) {
    let rows = frame
        .records
        .iter()
        .filter(|record| record.is_of("slab", path) && record.data["cache"] == cache);
    rows.fold((0, 0), |(allocs, frees), row| {
        (
            allocs + row.number("alloc_total"),
            frees + row.number("free_total"),
        )
    })
}

/// Checks that nothing was lost but runs that the kernel itself skipped, which [`missed`] counts,
/// and ends that were missed because of them.
pub fn assert_nothing_lost(frame: &Frame) {
    let missed = missed(frame);
    let mut losses = frame.losses();
    losses.retain(|(place, lost)| match place.as_str() {
        "unseen_ends" => lost.zip(missed).is_none_or(|(lost, missed)| lost > missed),
        place => !MISSED.contains(&place),
    });
    assert_eq!(losses, []);
}

/// The kernel's own counts of programs that it did not run: an interrupted program is not run again
/// by the interrupt, such as RCU freeing objects.
const MISSED: [&str; 2] = ["missed_runs", "missed_kprobe_runs"];

/// The number of skipped runs; `None` where this kernel has no count: it counts kprobes since 6.7,
/// all others since 5.12.
pub fn missed(frame: &Frame) -> Option<u64> {
    let losses = frame.losses();
    let unknown = |place: &str| losses.contains(&(place.to_owned(), None));
    assert_eq!(unknown("missed_runs"), kernel() < (5, 12));
    assert!(!unknown("missed_kprobe_runs") || kernel() < (6, 7));
    let missed = losses
        .iter()
        .filter(|(place, _)| MISSED.contains(&place.as_str()));
    missed.map(|(_, total)| *total).sum()
}

/// Watches objects being freed, some time after they were let go: until none is left, or until
/// nothing has changed for long. Returns the number of frees that were not seen, of which the
/// kernel must have missed as many.
pub fn until_freed(export: &mut Export, left: impl Fn(&Frame) -> Vec<u64>) -> (Frame, u64) {
    /// Snapshots without a change.
    const LONG: u32 = 30;

    let (mut last, mut unchanged) = (Vec::new(), 0);
    let (frame, left) = export.until("freed", |frame| {
        let left = left(frame);
        unchanged = if left == last { unchanged + 1 } else { 0 };
        last.clone_from(&left);
        if left.iter().all(|left| *left == 0) || unchanged == LONG {
            Ok((frame.clone(), left))
        } else {
            Err(format!("{left:?}"))
        }
    });
    let unseen = left.iter().sum();
    if unseen > 0 {
        let missed = missed(&frame);
        println!("{unseen} frees not seen; runs the kernel missed: {missed:?}");
        assert!(missed.is_none_or(|missed| missed >= unseen), "{left:?}");
    }
    (frame, unseen)
}

/// Returns whether all frees were seen.
fn all_freed(export: &mut Export, left: impl Fn(&Frame) -> Vec<u64>) -> bool {
    let (frame, unseen) = until_freed(export, left);
    assert_nothing_lost(&frame);
    unseen == 0
}

/// Repeats an attempt until the kernel misses none of its events.
pub fn until_seen(mut attempt: impl FnMut(u32) -> bool) {
    assert!((1..=5).any(&mut attempt), "frees were missed five times");
}

fn print(frame: &Frame, path: &str, when: &str) {
    let [inodes, dentries, names] =
        [INODES, DENTRIES, NAMES].map(|cache| totals(frame, path, cache));
    println!("{when}: {path}: {INODES} {inodes:?}, {DENTRIES} {dentries:?}, {NAMES} {names:?}");
}

/// The workload in a new cgroup is counted to the object. Used with every variant of the hooks.
pub fn assert_exact(export: &mut Export, name: &str) {
    until_seen(|attempt| is_exact(export, &format!("{name}-{attempt}")));
}

fn is_exact(export: &mut Export, name: &str) -> bool {
    let folder = Folder::new(name);
    let cgroup = Cgroup::new(name);
    let path = cgroup.path();
    make_files(&cgroup, &folder);
    let frame = export.fresh();
    print(&frame, &path, "made");
    let few_more = FILES..=FILES + OTHERS;
    assert_eq!(totals(&frame, &path, INODES), (FILES, 0));
    for cache in [DENTRIES, NAMES] {
        let (allocs, frees) = totals(&frame, &path, cache);
        assert!(few_more.contains(&allocs) && frees <= OTHERS, "{cache}");
    }
    assert_nothing_lost(&frame);

    remove_files(&folder);
    // Inodes and dentries are freed after a grace period of RCU.
    let all_freed = all_freed(export, |frame| {
        let caches = [INODES, DENTRIES, NAMES].iter();
        let frees = caches.map(|cache| totals(frame, &path, cache).1);
        frees.map(|frees| FILES.saturating_sub(frees)).collect()
    });
    let frame = export.fresh();
    print(&frame, &path, "removed");
    for cache in [INODES, DENTRIES, NAMES] {
        let (allocs, frees) = totals(&frame, &path, cache);
        assert!(frees <= allocs, "{cache}: {frees} of {allocs} freed");
    }
    all_freed
}

/// All tests in one start of the tool.
#[test]
fn objects_are_counted_one_by_one() {
    let mut export = Export::start(&[]);
    assert_exact(&mut export, "files");
    until_seen(|attempt| is_freed_by_its_parent(&mut export, attempt));
    slab_bytes_are_those_of_memory_stat(&mut export);
    keys_that_change_places_are_exact(&mut export);
    export.stop();
}

/// Objects outlive their cgroup: then they are its parent's, and so are their frees.
fn is_freed_by_its_parent(export: &mut Export, attempt: u32) -> bool {
    let folder = Folder::new("legacy");
    let parent = Cgroup::new(format!("heir-{attempt}"));
    let child = parent.child("dead");
    let path = child.path();
    make_files(&child, &folder);
    let frame = export.fresh();
    assert_eq!(totals(&frame, &path, INODES), (FILES, 0));
    assert_eq!(totals(&frame, &parent.path(), INODES), (0, 0));
    // The zombie keeps its row.
    let socket = child.into_zombie();
    export.until("its death", |frame| {
        let zombie = frame.one("zombie", &path)?;
        assert_eq!(totals(frame, &path, INODES), (FILES, 0));
        if zombie.data["phase"] == "pinned" {
            Ok(())
        } else {
            Err(zombie.data["phase"].to_string())
        }
    });
    remove_files(&folder);
    let all_freed = all_freed(export, |frame| {
        vec![FILES.saturating_sub(totals(frame, &parent.path(), INODES).1)]
    });
    let frame = export.fresh();
    let [dead, heir] = [&path, &parent.path()].map(|path| totals(&frame, path, INODES));
    println!("{INODES}: {path} {dead:?}, {} {heir:?}", parent.path());
    assert_eq!(dead, (FILES, 0));
    assert!(heir.0 == 0 && heir.1 <= FILES);
    drop(socket);
    all_freed
}

/// The kernel's own figure of a cgroup's slab. It lags: the kernel sums it up every two seconds, or
/// when `memory.stat` is read.
fn slab_bytes_are_those_of_memory_stat(export: &mut Export) {
    let folder = Folder::new("stat");
    let cgroup = Cgroup::new("stat");
    make_files(&cgroup, &folder);
    let bytes = export.until("slab_bytes", |frame| {
        let record = frame.one("memcg", &cgroup.path())?;
        let ours = record.data["slab_bytes"].as_u64();
        let ours = ours.ok_or("known by its birth, not walked yet")?;
        // All kernel memory, on kernels with that sum.
        let kmem = cgroup.stat("memory.stat", "kernel");
        let our_kmem = record.data["kmem_bytes"].as_u64();
        assert_eq!(our_kmem.is_some(), kmem.is_some());
        if our_kmem != kmem {
            return Err(format!("{our_kmem:?}, but memory.stat {kmem:?}"));
        }
        let [sum, one, two] = ["slab", "slab_reclaimable", "slab_unreclaimable"]
            .map(|key| cgroup.stat("memory.stat", key).unwrap());
        assert_eq!(sum, one + two);
        if ours == sum {
            Ok(ours)
        } else {
            Err(format!("{ours}, but memory.stat {sum}"))
        }
    });
    println!("{}: slab {bytes} bytes", cgroup.path());
    assert!(bytes > FILES * 600, "{bytes}");
}

/// Programs count the most active keys in a table of 1,024 places, of which a key has a choice of
/// two. With half as many keys, some are evicted and come back, and nothing is lost on the way; nor
/// is an object lost that was made at a place that another key has when it is freed.
fn keys_that_change_places_are_exact(export: &mut Export) {
    const CGROUPS: usize = 60;
    const EACH: u64 = 20;
    let folder = Folder::new("crowd");
    let parents = ["crowd-a", "crowd-b"].map(Cgroup::new);
    let crowds = parents.each_ref().map(|parent| {
        let child = |at: usize| parent.child(&format!("c{at}"));
        (0..CGROUPS).map(child).collect::<Vec<_>>()
    });
    let (mut made, mut file) = ([0; 2], 0);
    // The first keys again, after others had their places.
    for wave in [0, 1, 0] {
        for cgroup in &crowds[wave] {
            cgroup.inside(|| {
                for _ in 0..EACH {
                    file += 1;
                    fs::File::create(folder.file(&format!("{NAME}-{file}"))).unwrap();
                }
            });
        }
        made[wave] += EACH;
        let frame = export.fresh();
        let rows = frame.records.iter().filter(|record| record.kind == "slab");
        let keys = rows
            .filter(|row| !row.data["alloc_total"].is_null())
            .count();
        println!("{keys} keys, {made:?} files in each cgroup");
        for (crowd, made) in crowds.iter().zip(made) {
            for cgroup in crowd {
                for cache in [INODES, NAMES] {
                    let (allocs, _) = totals(&frame, &cgroup.path(), cache);
                    assert_eq!(allocs, made, "{} {cache}", cgroup.path());
                }
            }
        }
        assert_nothing_lost(&frame);
    }
    let files = fs::read_dir(&folder.0).unwrap();
    files.for_each(|file| fs::remove_file(file.unwrap().path()).unwrap());
    all_freed(export, |frame| {
        let cgroups = crowds.iter().flatten();
        let keys = cgroups.flat_map(|cgroup| [INODES, NAMES].map(|cache| (cgroup.path(), cache)));
        let objects = keys.map(|(path, cache)| totals(frame, &path, cache));
        let left = objects.map(|(allocs, frees)| {
            assert!(frees <= allocs, "{frees} of {allocs} freed");
            allocs - frees
        });
        left.collect()
    });
    for crowd in crowds {
        crowd.iter().for_each(Cgroup::remove);
    }
}
