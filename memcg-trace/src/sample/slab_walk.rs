//! Owners of slab memory: all slab pages of the host, as one walk found them.
//!
//! An object that a memory cgroup is charged for has its owner in a vector of its slab, so charged
//! objects are counted one by one. Of all others only the number is known: a slab counts the
//! objects that it gave away, and the CPUs keep some of them free for their next allocations.

use serde::{Deserialize, Serialize};

use super::Text;
use super::slab_inside::ObjectKind;

/// All slabs at about one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SlabWalk {
    /// The start of the walk, CLOCK_MONOTONIC. Objects that were allocated or freed until `end_ns`
    /// may be in it or not.
    pub begin_ns: u64,
    /// The end of the walk, CLOCK_MONOTONIC.
    pub end_ns: u64,
    /// CPU time of the walk.
    pub took_ns: u64,
    /// Pages of RAM that were read.
    pub visited_pages: u64,
    /// Slabs among them.
    pub visited_slabs: u64,
    /// The number of pages after which a bound ended the walk, if one did.
    pub truncated_at: Option<u64>,
    /// Bytes that an object is charged for beyond its size, for its owner's place in the vector
    /// (mm/memcontrol.c: obj_full_size()).
    pub owner_bytes: u32,
    /// Pages of 4 KiB that kmalloc took for objects too large for a slab; `/proc/meminfo` counts
    /// them as `Slab:`. `None` where such pages look like any other.
    pub large_kmalloc_pages: Option<u64>,
    /// Caches that have slabs.
    pub caches: Vec<WalkedCache>,
    /// Charged objects, a row for each memcg and cache.
    pub rows: Vec<WalkedSlab>,
    /// Charges that memcgs inherited from dead children, a row for each such memcg.
    pub inherited: Vec<Inherited>,
}

/// A cache and its slabs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WalkedCache {
    /// Its key in [`WalkedSlab`].
    pub cache: u64,
    /// `kmem_cache.name`.
    pub name: Text,
    /// Other caches that the kernel merged with it: their objects are among these.
    pub aliases: Vec<Text>,
    /// Bytes of one object in the slab (`kmem_cache.size`).
    pub size_bytes: u32,
    /// Requested bytes of an object (`kmem_cache.object_size`).
    pub object_bytes: u32,
    /// Pages of a slab, as a power of two (`kmem_cache.oo`); some may be smaller.
    pub order: u32,
    /// Objects that fit into a slab of that order.
    pub slab_objects: u32,
    /// The number of slabs.
    pub slabs: u64,
    /// Slabs that were freed or made anew while they were read, and are not counted.
    pub changed_slabs: u64,
    /// Pages of 4 KiB.
    pub slab_pages: u64,
    /// Objects that fit into these slabs.
    pub capacity_objects: u64,
    /// Objects that the slabs gave away: those in use, and free ones that CPUs keep.
    pub inuse_objects: u64,
    /// Free objects among these, which CPUs keep.
    pub cached_objects: u64,
    /// Objects among these that are charged to a memcg.
    pub charged_objects: u64,
    /// Objects in use that are charged to nobody.
    pub unaccounted: Share,
    /// The kind of its objects, where they were read.
    pub kind: ObjectKind,
    /// Whether the kernel counts its pages as reclaimable (`SLAB_RECLAIM_ACCOUNT`): its maker
    /// declares that a shrinker frees its objects, or something that they go with. `None` where
    /// that was not read.
    pub has_shrinker: Option<bool>,
    /// Objects that could be freed, where they were read.
    pub idle: Option<Idle>,
}

/// Unused objects, which a shrinker could free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Idle {
    /// Their number.
    pub objects: u64,
    /// Those on slabs without objects in use.
    pub alone_objects: u64,
    /// Bytes of those slabs.
    pub slab_bytes: u64,
}

/// Objects, and their part of the pages that they are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Share {
    /// Their number.
    pub objects: u64,
    /// Pages of 4 KiB of all slabs that have some of them.
    pub touched_pages: u64,
    /// Pages of those slabs that have no other objects.
    pub owned_pages: u64,
    /// Bytes of those slabs, each split by the objects in it. A slab without objects counts as
    /// unaccounted.
    pub share_bytes: u64,
}

/// Objects of one cache charged to one memcg.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WalkedSlab {
    /// The memcg; `None` if it could not be read.
    pub memcg_serial_nr: Option<u64>,
    /// The cache, see [`SlabWalk::caches`].
    pub cache: u64,
    /// The objects and their part of the pages.
    pub share: Share,
    /// Objects among them that were charged to a dead child.
    pub inherited_objects: u64,
    /// Objects charged and uncharged from the start of the walk until the counters that came with
    /// it were read; `None` where they were not counted.
    pub uncertain_objects: Option<u64>,
}

/// Charges that a memcg inherited from dead children: all that belongs to object cgroups other than
/// its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inherited {
    /// The memcg that is charged now.
    pub memcg_serial_nr: u64,
    /// Object cgroups with remaining objects or pages.
    pub objcgs: u64,
    /// Slab objects.
    pub slab_objects: u64,
    /// Bytes charged for these objects.
    pub slab_bytes: u64,
    /// Pages of the kernel's own; `None` where the dead keep those themselves (5.10).
    pub kernel_pages: Option<u64>,
    /// Pages of files and anonymous ones; `None` where the dead keep those themselves (until
    /// 7.0).
    pub lru_pages: Option<u64>,
}
