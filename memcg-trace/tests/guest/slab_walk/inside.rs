//! Contents of dentry and inode caches: known objects in known directories, by state, to the
//! object.

use std::fs::{self, File};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde_json::Value;

use super::walk::{DENTRIES, PAGE_BYTES, Walk, number};
use crate::contract::Document;
use crate::disk;
use crate::host::{Cgroup, Folder, eventually};
use crate::tool;

const EXT4_INODES: &str = "ext4_inode_cache";
const NEGATIVE: u64 = 50_000;
const UNUSED: u64 = 10_000;
const OPEN: u64 = 1_000;

/// An ext4 file system (tmpfs keeps no negative dentries) with space for 16,000 files and three
/// directories that are charged to nobody, unmounted when dropped.
struct Disk(Folder);

impl Disk {
    fn new() -> Self {
        let disk = disk::unused();
        disk::format(&disk, &["-i", "1024"]);
        let folder = Folder::new("inside");
        mount(&*disk, &folder.0, "ext4", MountFlags::empty(), None).unwrap();
        for name in ["negative", "unused", "open"] {
            fs::create_dir(folder.file(name)).unwrap();
        }
        Self(folder)
    }

    fn names(&self, directory: &str, count: u64) -> Vec<String> {
        let name = |at| self.0.file(&format!("{directory}/{at}"));
        (0..count).map(name).collect()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = unmount(&self.0.0, UnmountFlags::empty());
    }
}

/// The only row of ext4 that a cgroup has.
fn row<'a>(looked: &'a Document, path: &str) -> &'a Value {
    let rows = looked.items.iter();
    let mut rows = rows.filter(|row| row["path"] == path && row["fs"] == "ext4");
    let row = rows.next().unwrap();
    assert!(rows.next().is_none(), "{path} is there twice");
    row
}

/// Objects of a directory: the total and each state.
fn directory(row: &Value, path: &str, third: &str) -> [u64; 4] {
    let parents = row["parents"].as_array().unwrap();
    let of = parents.iter().find(|parent| parent["path"] == path);
    let of = of.unwrap_or_else(|| panic!("{path} is not in {parents:?}"));
    ["objects", "in_use_objects", "unused_objects", third].map(|field| number(of, field))
}

fn look(args: &[&str]) -> Document {
    let output = tool::run(args);
    assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
    Document::parse(tool::stdout(&output))
}

#[test]
fn dentries_and_inodes_are_seen_to_the_object() {
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(4096),
            maximum: Some(4096),
        },
    )
    .unwrap();
    let disk = Disk::new();
    let cgroup = Cgroup::new("inside");
    let path = cgroup.path();
    let missing = disk.names("negative", NEGATIVE);
    let (closed, opened) = (disk.names("unused", UNUSED), disk.names("open", OPEN));
    let open: Vec<File> = cgroup.inside(|| {
        for name in &missing {
            assert!(fs::metadata(name).is_err());
        }
        for name in &closed {
            File::create(name).unwrap();
        }
        let opened = opened.iter();
        opened.map(|name| File::create(name).unwrap()).collect()
    });
    // Otherwise inodes would be dirty.
    rustix::fs::sync();

    let recording = Folder::new("inside-recorded");
    let file = recording.file("a.rec");
    let output = tool::run(&["record", &file, "--inside", DENTRIES, "-n", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
    let live = look(&["slab", "--json", "--inside", DENTRIES, "--cgroup", &path]);
    let replayed = look(&["slab", "--json", "--inside", DENTRIES, "--from", &file]);
    for looked in [&live, &replayed] {
        let row = row(looked, &path);
        println!("{}", row);
        assert_eq!(number(row, "objects"), NEGATIVE + UNUSED + OPEN);
        assert_eq!(number(row, "negative_objects"), NEGATIVE);
        assert_eq!(number(row, "unused_objects"), UNUSED);
        assert_eq!(number(row, "in_use_objects"), OPEN);
        assert_eq!(number(row, "dying_objects"), 0);
        assert!(row["dirty_objects"].is_null());
        let of = |name: &str| directory(row, &disk.0.file(name), "negative_objects");
        assert_eq!(of("negative"), [NEGATIVE, 0, 0, NEGATIVE]);
        assert_eq!(of("unused"), [UNUSED, 0, UNUSED, 0]);
        assert_eq!(of("open"), [OPEN, OPEN, 0, 0]);
        assert_eq!(row["parents"].as_array().unwrap().len(), 3);
        assert_eq!(number(&looked.summary, "unread_objects"), 0);
    }
    assert!(live.items.iter().all(|row| row["path"] == path));

    let inodes = eventually("a row of the cgroup", || {
        let looked = look(&["slab", "--json", "--inside", EXT4_INODES]);
        let mut rows = looked.items.iter();
        match rows.any(|row| row["path"] == path && row["fs"] == "ext4") {
            true => Ok(looked),
            false => {
                println!("{:#?}, {:#}", looked.items, looked.summary);
                Err("there is none".to_owned())
            }
        }
    });
    let row = row(&inodes, &path);
    println!("{row}");
    assert_eq!(number(row, "objects"), UNUSED + OPEN);
    assert_eq!(number(row, "in_use_objects"), OPEN);
    assert_eq!(number(row, "unused_objects"), UNUSED);
    assert_eq!(number(row, "dirty_objects"), 0);
    let of = |name: &str| directory(row, &disk.0.file(name), "dirty_objects");
    assert_eq!(of("unused"), [UNUSED, 0, UNUSED, 0]);
    assert_eq!(of("open"), [OPEN, OPEN, 0, 0]);
    reclaim_adds_up();
    drop(open);
}

/// Checks that the bytes of a cache are the reclaimable ones plus the others by reason.
fn reclaim_adds_up() {
    let walk = Walk::new();
    let fields = [
        "reclaimable_bytes",
        "in_use_bytes",
        "shared_page_bytes",
        "no_shrinker_bytes",
        "not_memcg_aware_bytes",
        "free_bytes",
    ];
    for cache in walk.caches() {
        if !cache["reclaimable_bytes"].is_null() {
            let sum: u64 = fields.iter().map(|field| number(cache, field)).sum();
            assert_eq!(sum, number(cache, "slab_pages") * PAGE_BYTES, "{cache}");
        }
    }
    for (cache, least) in [(DENTRIES, NEGATIVE + UNUSED), (EXT4_INODES, UNUSED)] {
        let cache = walk.cache(cache);
        println!("{cache}");
        let bytes = number(cache, "reclaimable_bytes");
        // Nine in ten are on pages without objects in use.
        assert!(
            bytes > least * number(cache, "size_bytes") / 10 * 9,
            "{bytes}"
        );
        assert!(number(cache, "in_use_bytes") >= OPEN * number(cache, "size_bytes"));
    }
    assert!(number(walk.cache("vm_area_struct"), "no_shrinker_bytes") > 0);
    // The cache goes by one of its names, on kernels that merged it with no others.
    let is_extents = |name: &Value| name == "extent_status" || name == "ext4_extent_status";
    let mut extents = walk.caches().iter().filter(|cache| {
        let aliases = cache["aliases"].as_array().unwrap();
        is_extents(&cache["cache"]) || aliases.iter().any(is_extents)
    });
    let extents = extents.next().unwrap();
    println!("{extents}");
    let is_alone = extents["aliases"].as_array().unwrap().is_empty();
    assert!(!is_alone || number(extents, "not_memcg_aware_bytes") > 0);
}
