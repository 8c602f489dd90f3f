//! Slab objects charged and uncharged, per object cgroup and cache.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Rows of the map `SLAB`.
pub const SLAB_ROWS: u32 = 16384;
/// Pointers that one run of a resolver looks up. The kernel verifies each iteration anew.
pub const RESOLVE_ROWS: usize = 16;
/// Bytes of a cache's name that are kept; longer names are cut.
pub const CACHE_NAME_BYTES: usize = 48;

/// Key of the per-CPU map `SLAB`. An object keeps its objcg for life, while the memcg behind the
/// objcg changes when that memcg goes offline: so the allocation and the free of an object have the
/// same key.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct SlabKey {
    /// Address of the `obj_cgroup`.
    pub objcg: u64,
    /// Address of the `kmem_cache`.
    pub cache: u64,
}

/// Places in the table of hot keys; a power of two.
pub const HOT_SLOTS: usize = 1024;

impl SlabKey {
    /// The first place of the key in the table of hot keys; the other place differs in the lowest
    /// bit. In this crate, since programs and user space have to agree.
    #[inline(always)]
    #[must_use]
    pub fn hot_slot(&self) -> usize {
        let both = self.objcg.wrapping_mul(3).wrapping_add(self.cache);
        (both.wrapping_mul(GOLDEN) >> (64 - HOT_SLOTS.trailing_zeros())) as usize
    }
}

/// Words of the table of objects whose key is known since their allocation; a power of two.
pub const KNOWN_OBJECTS: usize = 1 << KNOWN_BITS;
/// Lowest bits of a word of that table, see [`known_place`].
pub const KNOWN_BITS: u32 = 16;
/// Marks an object that nobody is charged for: no place has that number.
pub const KNOWN_NOBODY: u64 = (1 << KNOWN_BITS) - 1;

/// The place of an object's word in the map `SLAB_KNOWN`. The word is the object's address shifted
/// by the upper 16 bits, which all addresses of the kernel have set; the lowest bits that leaves
/// are the place of its key plus one, or [`KNOWN_NOBODY`], or 0 for neither. A word is read and
/// written at once.
#[inline(always)]
#[must_use]
pub fn known_place(object: u64) -> usize {
    (object.wrapping_mul(GOLDEN) >> (64 - KNOWN_BITS)) as usize
}

/// 2^64 by the golden ratio: the upper bits of a product depend on all bits.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A hot key, and the counts of one CPU. A row whose objcg is 0 is free.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct HotRow {
    /// Written by user space only.
    pub key: SlabKey,
    /// Written by programs.
    pub count: SlabCount,
}

/// The table of one CPU. All CPUs have the same keys at the same places.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct HotTable {
    /// Indexed by place.
    pub rows: [HotRow; HOT_SLOTS],
}

/// Objects since the probes were attached.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct SlabCount {
    /// Objects charged.
    pub allocs: u64,
    /// Objects uncharged.
    pub frees: u64,
}

/// The present owner of an objcg, read by the resolver.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ObjcgRow {
    /// Address of the `obj_cgroup`, as asked.
    pub objcg: u64,
    /// `css.serial_nr` of its memcg; 0 if it could not be read.
    pub memcg_serial_nr: u64,
}

/// A cache, read by the resolver.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct CacheRow {
    /// Address of the `kmem_cache`, as asked.
    pub cache: u64,
    /// `kmem_cache.size`: what one object takes in the slab.
    pub size_bytes: u32,
    /// `kmem_cache.object_size`: what was asked for.
    pub object_bytes: u32,
    /// `kmem_cache.name`, NUL-terminated; empty if it could not be read.
    pub name: [u8; CACHE_NAME_BYTES],
}

/// Question and answer of the objcg resolver.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ObjcgAsk {
    /// Rows to look up.
    pub rows: u64,
    /// `objcg` is the question, the rest the answer.
    pub row: [ObjcgRow; RESOLVE_ROWS],
}

/// Question and answer of the cache resolver.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct CacheAsk {
    /// Rows to look up.
    pub rows: u64,
    /// `cache` is the question, the rest the answer.
    pub row: [CacheRow; RESOLVE_ROWS],
}
