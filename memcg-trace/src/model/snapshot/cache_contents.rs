//! Contents of a cache: dentries or inodes.

use std::sync::Arc;

use super::MemcgId;
use crate::sample::Text;
use crate::sample::slab_inside::{InsideParent, ObjectKind, States};

/// A cache whose objects were read.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheContents {
    /// Its name.
    pub cache: Arc<Text>,
    /// The kind of its objects.
    pub kind: ObjectKind,
    /// Bytes of one object in the slab.
    pub size_bytes: u32,
    /// Charged objects that changed while they were read, and are in no row.
    pub unread_objects: u64,
    /// By memcg and superblock, the most objects first.
    pub rows: Vec<ContentsRow>,
}

impl CacheContents {
    /// Returns the bytes of `objects` of its objects in their slabs.
    #[must_use]
    pub fn bytes(&self, objects: u64) -> u64 {
        objects.saturating_mul(self.size_bytes.into())
    }

    /// Returns the sum of all rows.
    #[must_use]
    pub fn states(&self) -> States {
        let mut sum = States::default();
        self.rows.iter().for_each(|row| sum.add(&row.states));
        sum
    }
}

/// Objects of one superblock that one memcg is charged for, or none.
#[derive(Clone, Debug, PartialEq)]
pub struct ContentsRow {
    /// The memcg; `None` if none is charged, or it could not be read.
    pub memcg: Option<Arc<MemcgId>>,
    /// Whether a memcg is charged for them.
    pub is_charged: bool,
    /// File system; `None` if that could not be read.
    pub fs: Option<Text>,
    /// Its device, `major:minor`.
    pub dev: Option<String>,
    /// Counts by state.
    pub states: States,
    /// Directories with the most of them.
    pub parents: Vec<InsideParent>,
    /// The number of directories that are not listed.
    pub parents_omitted: u64,
    /// Objects in directories that were not counted at all.
    pub uncounted_objects: u64,
}
