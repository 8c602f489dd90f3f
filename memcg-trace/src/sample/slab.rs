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
