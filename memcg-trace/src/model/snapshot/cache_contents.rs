//! Contents of a cache: dentries or inodes.

use std::sync::Arc;

use super::MemcgId;
use crate::sample::Text;
use crate::sample::slab_inside::{InsideRow, ObjectKind, States};

/// A cache whose objects were read.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheContents {
    /// Its name.
    pub cache: Arc<Text>,
    /// The kind of its objects.
    pub kind: ObjectKind,
    /// Bytes of one object in the slab.
    pub size_bytes: u32,
    /// Charged objects that are in no row: they changed while they were read, or nothing told where
    /// in them their inode is.
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
        self.rows.iter().for_each(|row| sum.add(&row.found.states));
        sum
    }
}

/// Objects of one superblock that one memcg is charged for, or none.
#[derive(Clone, Debug, PartialEq)]
pub struct ContentsRow {
    /// The memcg; `None` if none is charged, or it could not be read.
    pub memcg: Option<Arc<MemcgId>>,
    /// The objects.
    pub found: InsideRow,
}
