//! Slab objects: a known number of files is that many inodes, dentries and long names, exactly.

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
/// Directories, and whatever else a shell looks up; each is an entry of its own.
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

/// Nothing was lost. How often a program could not run, the kernel does not count for kprobes
/// before 6.7: that figure is null there, and 0 on others.
pub fn assert_nothing_lost(frame: &Frame) {
    let expected = (kernel() < (6, 7)).then(|| ("missed_runs".to_owned(), None));
    assert_eq!(frame.losses(), expected.into_iter().collect::<Vec<_>>());
}

fn print(frame: &Frame, path: &str, when: &str) {
    let [inodes, dentries, names] =
        [INODES, DENTRIES, NAMES].map(|cache| totals(frame, path, cache));
    println!("{when}: {path}: {INODES} {inodes:?}, {DENTRIES} {dentries:?}, {NAMES} {names:?}");
}

/// The workload in a fresh cgroup is seen to the object. Used with every variant of the hooks.
pub fn assert_exact(export: &mut Export, name: &str) {
    let folder = Folder::new(name);
    let cgroup = Cgroup::new(name);
    make_files(&cgroup, &folder);
    let frame = export.fresh();
    print(&frame, &cgroup.path(), "made");
    let few_more = FILES..=FILES + OTHERS;
    assert_eq!(totals(&frame, &cgroup.path(), INODES), (FILES, 0));
    let (allocs, frees) = totals(&frame, &cgroup.path(), DENTRIES);
    assert!(few_more.contains(&allocs) && frees <= OTHERS);
    let (allocs, frees) = totals(&frame, &cgroup.path(), NAMES);
    assert!(few_more.contains(&allocs) && frees <= OTHERS);
    assert_nothing_lost(&frame);

    remove_files(&folder);
    // Inodes and dentries are freed after a grace period of RCU.
    let frame = export.until("freed", |frame| {
        let inodes = totals(frame, &cgroup.path(), INODES);
        let [dentries, names] = [DENTRIES, NAMES].map(|cache| totals(frame, &cgroup.path(), cache));
        assert!(inodes.0 == FILES && inodes.1 <= FILES, "{inodes:?}");
        if inodes.1 == FILES && dentries.1 >= FILES && names.1 >= FILES {
            Ok(Frame {
                records: frame.records.clone(),
            })
        } else {
            Err(format!("{inodes:?} {dentries:?} {names:?}"))
        }
    });
    print(&frame, &cgroup.path(), "removed");
    for cache in [DENTRIES, NAMES] {
        let (allocs, frees) = totals(&frame, &cgroup.path(), cache);
        assert!(frees <= allocs, "{cache}: {frees} of {allocs} freed");
    }
    assert_nothing_lost(&frame);
}

#[test]
fn a_file_is_an_inode_a_dentry_and_a_name() {
    let mut export = Export::start(&[]);
    assert_exact(&mut export, "files");
    // Twice in one run: it is the same the second time.
    assert_exact(&mut export, "files-again");
    export.stop();
}

/// Objects outlive their cgroup: then they are its parent's, and so are their frees.
#[test]
fn what_a_zombie_left_is_freed_by_its_parent() {
    let folder = Folder::new("legacy");
    let parent = Cgroup::new("heir");
    let child = parent.child("dead");
    let path = child.path();
    let mut export = Export::start(&[]);
    make_files(&child, &folder);
    let frame = export.fresh();
    assert_eq!(totals(&frame, &path, INODES), (FILES, 0));
    assert_eq!(totals(&frame, &parent.path(), INODES), (0, 0));
    // So that its row stays.
    let socket = child.into_zombie();
    export.until("its death", |frame| {
        frame.one("zombie", &path).map(|_| ())?;
        let (allocs, frees) = totals(frame, &path, INODES);
        assert_eq!((allocs, frees), (FILES, 0));
        let phase = frame.one("zombie", &path)?.data["phase"].clone();
        if phase == "pinned" {
            Ok(())
        } else {
            Err(phase.to_string())
        }
    });
    remove_files(&folder);
    let (dead, heir) = export.until("freed", |frame| {
        let both = (
            totals(frame, &path, INODES),
            totals(frame, &parent.path(), INODES),
        );
        if both.0.1 + both.1.1 == FILES {
            assert_nothing_lost(frame);
            Ok(both)
        } else {
            Err(format!("{both:?}"))
        }
    });
    println!("{INODES}: {path} {dead:?}, {} {heir:?}", parent.path());
    assert_eq!((dead, heir), ((FILES, 0), (0, FILES)));
    drop(socket);
    export.stop();
}

/// What the kernel itself says of a cgroup's slab. Its figures lag: it sums them up every two
/// seconds, or when `memory.stat` is read.
#[test]
fn slab_bytes_are_those_of_memory_stat() {
    let folder = Folder::new("stat");
    let cgroup = Cgroup::new("stat");
    make_files(&cgroup, &folder);
    let mut export = Export::start(&[]);
    let bytes = export.until("slab_bytes", |frame| {
        let ours = frame.one("memcg", &cgroup.path())?.number("slab_bytes");
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
    export.stop();
}
