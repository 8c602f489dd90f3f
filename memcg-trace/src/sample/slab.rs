//! Slab objects, as events count them.

use serde::{Deserialize, Serialize};

use super::Text;

/// Slab objects, counted where they are charged and uncharged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Slab {
    /// When the counters were read.
    pub as_of_ns: u64,
    /// Time that reading them took.
    pub took_ns: u64,
    /// The counters that moved since the last sample.
    pub counts: Vec<SlabCount>,
    /// Caches that appear for the first time.
    pub caches: Vec<Cache>,
    /// Counts until this sample, for a recording that begins with it. Who has read samples before
    /// it has counted them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<SlabBefore>>,
}

/// All that was counted until a sample, with what that sample has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SlabBefore {
    /// The counters as they stood.
    pub counts: Vec<SlabCount>,
    /// Counts that were booked to memcgs: a counter changes its memcg, and what it counted before
    /// stays.
    pub booked: Vec<BookedSlab>,
}

/// Objects of one cache that were charged to one memcg.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BookedSlab {
    /// The memcg; `None` if it could not be read.
    pub memcg_serial_nr: Option<u64>,
    /// The cache, see [`Slab::caches`].
    pub cache: u64,
    /// Charged since the start.
    pub alloc_total: u64,
    /// Uncharged since the start.
    pub free_total: u64,
}

/// Objects of one cache that one object cgroup was charged for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SlabCount {
    /// The object cgroup: a key, since its memcg changes when that goes offline.
    pub objcg: u64,
    /// The cache, see [`Slab::caches`].
    pub cache: u64,
    /// The memcg of the object cgroup at `as_of_ns`; `None` if it could not be read.
    pub memcg_serial_nr: Option<u64>,
    /// Charged since the start.
    pub alloc_total: u64,
    /// Uncharged since the start.
    pub free_total: u64,
}

/// A slab cache.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cache {
    /// Its key in [`SlabCount`].
    pub cache: u64,
    /// `kmem_cache.name`.
    pub name: Text,
    /// Bytes of one object in the slab (`kmem_cache.size`).
    pub size_bytes: u32,
    /// Requested bytes of an object (`kmem_cache.object_size`).
    pub object_bytes: u32,
}
