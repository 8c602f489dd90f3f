//! Contents of one cache of dentries or inodes: owners, file systems, states and directories.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use super::Text;

/// All objects of one cache at about one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SlabInside {
    /// The start of the walk that found them, CLOCK_MONOTONIC.
    pub begin_ns: u64,
    /// The end of that walk, CLOCK_MONOTONIC.
    pub end_ns: u64,
    /// CPU time of the walk.
    pub took_ns: u64,
    /// `kmem_cache.name`.
    pub cache: Text,
    /// The kind of its objects.
    pub kind: ObjectKind,
    /// Bytes of one object in the slab (`kmem_cache.size`).
    pub size_bytes: u32,
    /// Objects that were read.
    pub visited_objects: u64,
    /// Charged objects that could not be read: they changed meanwhile, or nothing told where in them
    /// their inode is.
    pub unread_objects: u64,
    /// A row for each memcg and superblock.
    pub rows: Vec<InsideRow>,
}

/// The kind of the objects of a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
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

/// Objects of one superblock that one memcg is charged for, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InsideRow {
    /// The memcg; `None` if none is charged, or it could not be read.
    pub memcg_serial_nr: Option<u64>,
    /// Whether a memcg is charged for them.
    pub is_charged: bool,
    /// `file_system_type.name`.
    pub fs: Option<Text>,
    /// Its device, `major:minor`.
    pub dev: Option<String>,
    /// Counts by state.
    pub states: States,
    /// Directories that the objects are in, those with the most objects first.
    pub parents: Vec<InsideParent>,
    /// The number of directories that are not listed.
    pub parents_omitted: u64,
    /// Objects of directories that are not counted, because a bound was hit.
    pub uncounted_objects: u64,
}

/// Objects in one directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InsideParent {
    /// Its path in our mount namespace, or `/proc/PID/root/…` of a process that sees it; only its
    /// name where no process does. `None` for objects that are in no directory: pipes, sockets,
    /// roots.
    pub path: Option<Text>,
    /// Counts by state.
    pub states: States,
}

/// Objects by state; each is in one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct States {
    /// Objects with a reference: of an open file, of entries below a directory, or of a dentry to
    /// its inode.
    pub in_use: u64,
    /// Objects without a reference, kept for the next lookup. Dentries have an inode.
    pub unused: u64,
    /// Dentries without a reference and without a file.
    pub negative: u64,
    /// Inodes that must be written before they can be freed.
    pub dirty: u64,
    /// Dead objects, which are freed after a grace period.
    pub dying: u64,
}

impl States {
    /// Returns the sum over all states.
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
