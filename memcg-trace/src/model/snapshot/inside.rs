//! What the objects of a cache are: dentries or inodes.

use std::sync::Arc;

use super::MemcgId;
use crate::sample::Text;
use crate::sample::slab_inside::{InsideParent, ObjectKind, States};

/// A cache whose objects were looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Inside {
    /// Its name.
    pub cache: Arc<Text>,
    /// What its objects are.
    pub kind: ObjectKind,
    /// What one object takes in the slab.
    pub size_bytes: u32,
    /// Charged objects that changed while they were looked at, and are in no row.
    pub unread_objects: u64,
    /// By memcg and superblock, the most objects first.
    pub rows: Vec<InsideRow>,
}

impl Inside {
    /// What so many of its objects take in their slabs.
    #[must_use]
    pub fn bytes(&self, objects: u64) -> u64 {
        objects.saturating_mul(self.size_bytes.into())
    }

    /// All rows together.
    #[must_use]
    pub fn states(&self) -> States {
        let mut sum = States::default();
        self.rows.iter().for_each(|row| sum.add(&row.states));
        sum
    }
}

/// Objects of one superblock that one memcg is charged for, or nobody.
#[derive(Clone, Debug, PartialEq)]
pub struct InsideRow {
    /// Whose; `None` if nobody's, or that could not be read.
    pub memcg: Option<Arc<MemcgId>>,
    /// Whether a memcg is charged for them.
    pub is_charged: bool,
    /// File system; `None` if that could not be read.
    pub fs: Option<Text>,
    /// Its device, `major:minor`.
    pub dev: Option<String>,
    /// How many, by state.
    pub states: States,
    /// Directories with the most of them.
    pub parents: Vec<InsideParent>,
    /// How many more directories there are.
    pub parents_omitted: u64,
    /// Objects in directories that were not even counted.
    pub uncounted_objects: u64,
}
