//! What the objects of one cache of dentries or inodes are: whose, of which file system, in which
//! state, and in which directories.

use serde::{Deserialize, Serialize};

use super::Text;

/// All objects of one cache at about one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SlabInside {
    /// When the walk that found them began and ended, CLOCK_MONOTONIC.
    pub begin_ns: u64,
    /// See `begin_ns`.
    pub end_ns: u64,
    /// Time that the walk itself took of a CPU.
    pub took_ns: u64,
    /// `kmem_cache.name`.
    pub cache: Text,
    /// What its objects are.
    pub kind: ObjectKind,
    /// What one object takes in the slab (`kmem_cache.size`).
    pub size_bytes: u32,
    /// Objects that were looked at and can be told.
    pub visited_objects: u64,
    /// Charged objects that cannot be told: they changed while they were looked at.
    pub unread_objects: u64,
    /// A row for each memcg and superblock.
    pub rows: Vec<InsideRow>,
}

/// What the objects of a cache are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// `struct dentry`.
    Dentry,
    /// `struct inode`, with what its file system keeps around it.
    Inode,
    /// A kind that this version does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

/// Objects of one superblock that one memcg is charged for, or nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InsideRow {
    /// Whose they are; `None` if nobody's, or that could not be read.
    pub memcg_serial_nr: Option<u64>,
    /// Whether a memcg is charged for them.
    pub is_charged: bool,
    /// `file_system_type.name`.
    pub fs: Option<Text>,
    /// Its device, `major:minor`.
    pub dev: Option<String>,
    /// How many, by state.
    pub states: States,
    /// Directories that they are in, those with the most objects first.
    pub parents: Vec<InsideParent>,
    /// How many more directories there are.
    pub parents_omitted: u64,
    /// Objects of directories that are not even counted, because a bound was hit.
    pub uncounted_objects: u64,
}

/// Objects in one directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InsideParent {
    /// Where it is: a path in our mount namespace, or `/proc/PID/root/…` of a process that sees it;
    /// where nobody does its name alone. `None` for objects that are in no directory: pipes,
    /// sockets, roots.
    pub path: Option<Text>,
    /// How many, by state.
    pub states: States,
}

/// Objects by state; each is in one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct States {
    /// Somebody has a reference: a file that is open, a directory with others below it; of an
    /// inode, a dentry.
    pub in_use: u64,
    /// Nobody has: it is kept for the next who looks it up. Of a dentry, one with an inode.
    pub unused: u64,
    /// Of dentries: nobody has, and there is no such file.
    pub negative: u64,
    /// Of inodes: must be written before it can go.
    pub dirty: u64,
    /// Dead, and freed after a grace period.
    pub dying: u64,
}

impl States {
    /// All of them.
    #[must_use]
    pub fn objects(&self) -> u64 {
        let some = [
            self.in_use,
            self.unused,
            self.negative,
            self.dirty,
            self.dying,
        ];
        some.into_iter().fold(0, u64::saturating_add)
    }

    /// Adds others.
    pub fn add(&mut self, more: &Self) {
        for (sum, more) in [
            (&mut self.in_use, more.in_use),
            (&mut self.unused, more.unused),
            (&mut self.negative, more.negative),
            (&mut self.dirty, more.dirty),
            (&mut self.dying, more.dying),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}
