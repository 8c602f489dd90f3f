//! Output of `memcg-trace slab`, and helpers of its tests.

use std::collections::BTreeMap;
use std::fs::File;

use serde_json::Value;

use crate::contract::Document;
use crate::host::{Cgroup, Folder};
use crate::tool;

pub const PAGE_BYTES: u64 = 4096;
pub const INODES: &str = "shmem_inode_cache";
pub const DENTRIES: &str = "dentry";
/// A name that does not fit into a dentry is an object of its own.
pub const NAMES: &str = "kmalloc-rcl-96";
const NAME: &str = "a-name-that-is-too-long-for-the-dentry-that-it-belongs-to";

/// The document of `memcg-trace slab --json`.
pub struct Walk(pub Document);

impl Walk {
    pub fn new() -> Self {
        let output = tool::run(&["slab", "--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
        assert_eq!(tool::stderr(&output), "");
        let document = Document::parse(tool::stdout(&output));
        let walk = Self(document);
        walk.check();
        walk
    }

    pub fn rows(&self, path: &str) -> impl Iterator<Item = &Value> {
        let items = self.0.items.iter();
        items.filter(move |row| row["path"] == path)
    }

    /// The row of a cgroup and a cache, if there is one.
    pub fn row(&self, path: &str, cache: &str) -> Option<&Value> {
        let mut rows = self.rows(path).filter(|row| row["cache"] == cache);
        let row = rows.next();
        assert!(rows.next().is_none(), "{path} has {cache} twice");
        row
    }

    pub fn objects(&self, path: &str, cache: &str) -> u64 {
        self.row(path, cache)
            .map_or(0, |row| number(row, "objects"))
    }

    pub fn inherited(&self, path: &str) -> Option<&Value> {
        let rows = self.0.summary["inherited"].as_array().unwrap();
        rows.iter().find(|row| row["path"] == path)
    }

    pub fn caches(&self) -> &[Value] {
        self.0.summary["caches"].as_array().unwrap()
    }

    pub fn cache(&self, name: &str) -> &Value {
        let mut caches = self.caches().iter();
        caches.find(|cache| cache["cache"] == name).unwrap()
    }

    /// Checks the properties that every walk must have: parts add up.
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
            // The rows of two caches of the same name cannot be told apart.
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

    /// All objects of a cgroup, as `(cache, objects)`.
    pub fn of(&self, path: &str) -> Vec<(String, u64)> {
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

pub fn number(row: &Value, field: &str) -> u64 {
    let value = &row[field];
    value
        .as_u64()
        .unwrap_or_else(|| panic!("{field} is {value}: {row}"))
}

/// Makes files with long names from within a cgroup, by this process.
pub fn make_files(cgroup: &Cgroup, folder: &Folder, files: std::ops::Range<u32>) {
    let names: Vec<_> = files.map(|file| name(folder, file)).collect();
    cgroup.inside(|| {
        names
            .iter()
            .for_each(|name| drop(File::create(name).unwrap()))
    });
}

pub fn name(folder: &Folder, file: u32) -> String {
    folder.file(&format!("{NAME}-{file:06}"))
}
