//! Who holds slab memory: all slab pages of the host, as one walk found them.
//!
//! An object that a memory cgroup is charged for has its owner in a vector of its slab, so those
//! are counted one by one. All others are known by number only: a slab counts the objects that
//! it gave away, and the CPUs keep some of them free for their next allocations.

use serde::{Deserialize, Serialize};

use super::Text;
use super::slab_inside::ObjectKind;

/// All slabs at about one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SlabWalk {
    /// When the walk began and ended, CLOCK_MONOTONIC. What was allocated or freed in between
    /// may be in it or not.
    pub begin_ns: u64,
    /// See `begin_ns`.
    pub end_ns: u64,
    /// Time that the walk itself took of a CPU.
    pub took_ns: u64,
    /// Pages of RAM that were looked at.
    pub visited_pages: u64,
    /// Slabs among them.
    pub visited_slabs: u64,
    /// Set where a bound ended the walk after so many pages.
    pub truncated_at: Option<u64>,
    /// Bytes that an object is charged for beyond its size, for its owner's place in the vector
    /// (mm/memcontrol.c: obj_full_size()).
    pub owner_bytes: u32,
    /// Pages of 4 KiB that kmalloc took for what is too large for a slab: `/proc/meminfo` counts
    /// them as `Slab:`. `None` where such pages look like any other.
    pub large_kmalloc_pages: Option<u64>,
    /// Caches that have slabs.
    pub caches: Vec<WalkedCache>,
    /// Charged objects, a row for each memcg and cache.
    pub rows: Vec<WalkedSlab>,
    /// What memcgs took over from dead children, a row for each that did.
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
    /// What one object takes in the slab (`kmem_cache.size`).
    pub size_bytes: u32,
    /// What was asked for (`kmem_cache.object_size`).
    pub object_bytes: u32,
    /// Pages of a slab, as a power of two (`kmem_cache.oo`); some may be smaller.
    pub order: u32,
    /// Objects that fit into a slab of that order.
    pub slab_objects: u32,
    /// How many slabs.
    pub slabs: u64,
    /// Slabs that were freed or made anew while they were looked at, and are not counted.
    pub changed_slabs: u64,
    /// Pages of 4 KiB.
    pub slab_pages: u64,
    /// Objects that fit into them.
    pub capacity_objects: u64,
    /// Objects that the slabs gave away: those in use, and those that CPUs keep free.
    pub inuse_objects: u64,
    /// Of these, free ones that CPUs keep.
    pub cached_objects: u64,
    /// Of these, charged to a memcg.
    pub charged_objects: u64,
    /// In use and charged to nobody.
    pub unaccounted: Share,
    /// What its objects are, where they were looked at.
    pub kind: ObjectKind,
    /// Whether the kernel counts its pages as reclaimable (`SLAB_RECLAIM_ACCOUNT`): whoever made
    /// it says that a shrinker frees its objects, or that they go with something that one frees.
    /// `None` where that was not read.
    pub has_shrinker: Option<bool>,
    /// Objects that could be freed, where they were looked at.
    pub idle: Option<Idle>,
}

/// Objects that nobody uses, so that a shrinker could free them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Idle {
    /// How many.
    pub objects: u64,
    /// Of these, on slabs that have no objects in use.
    pub alone_objects: u64,
    /// Bytes of those slabs.
    pub slab_bytes: u64,
}

/// Objects, and the part of the pages under them that is theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Share {
    /// How many.
    pub objects: u64,
    /// Pages of 4 KiB of all slabs that have some of them.
    pub touched_pages: u64,
    /// Pages of those slabs that have no others.
    pub owned_pages: u64,
    /// Bytes of those slabs, each split by the objects in it. A slab without any counts as
    /// unaccounted.
    pub share_bytes: u64,
}

/// Objects of one cache charged to one memcg.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WalkedSlab {
    /// Whose they are; `None` if that could not be read.
    pub memcg_serial_nr: Option<u64>,
    /// The cache, see [`SlabWalk::caches`].
    pub cache: u64,
    /// The objects and their part of the pages.
    pub share: Share,
    /// How many of them were charged to a child that is dead.
    pub inherited_objects: u64,
    /// Objects charged and uncharged while the walk went on, until the counters that came with
    /// it were read; `None` where they were not counted.
    pub uncertain_objects: Option<u64>,
}

/// What a memcg is charged for because a child of it died: all that belongs to object cgroups
/// other than its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inherited {
    /// Whose it is now.
    pub memcg_serial_nr: u64,
    /// Object cgroups that something was found of.
    pub objcgs: u64,
    /// Slab objects.
    pub slab_objects: u64,
    /// What these are charged with.
    pub slab_bytes: u64,
    /// Pages of the kernel's own; `None` where the dead keep those themselves (5.10).
    pub kernel_pages: Option<u64>,
    /// Pages of files and anonymous ones; `None` where the dead keep those themselves (until
    /// 7.0).
    pub lru_pages: Option<u64>,
}
