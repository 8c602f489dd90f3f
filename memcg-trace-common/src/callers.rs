//! Call sites whose slab objects are still alive, for one cache.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The first allocations of a call site whose stacks are kept; of later ones, one in so many.
pub const STACK_EVERY: u64 = 16;

/// Stacks in the map `CALLER_TRACES`.
pub const CALLER_TRACES: u32 = 1024;
/// Objects that are followed until they are freed.
pub const CALLER_OBJECTS: u32 = 1 << 18;
/// Call sites, and pairs of a call site and a stack.
pub const CALLER_SITES: u32 = 4096;

/// The value of the map `CALLER_CACHE`: the cache that is watched.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct WatchedCache {
    /// Address of the `kmem_cache`; 0 while none is watched.
    pub cache: u64,
    /// `kmem_cache.size`.
    pub size_bytes: u64,
}

/// The value of the map `CALLERS`, by call site.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct CallerCount {
    /// Objects allocated.
    pub allocs: u64,
    /// Objects among them that were followed and are freed.
    pub frees: u64,
    /// Objects among them that are not followed, since the map of objects was full.
    pub untracked: u64,
    /// Frees that no program saw, and that are known since the address was allocated again. They
    /// are in `frees`.
    pub unseen_frees: u64,
}

/// The value of the map `CALLER_OBJECTS`, by address.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct CallerObject {
    /// Return address of the allocation.
    pub site: u64,
    /// Number of the stack in the map `CALLER_TRACES`; [`crate::hold::NO_STACK`] for none.
    pub stack: u64,
}

/// The value of the map `CALLER_STACKS`, by [`CallerObject`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct CallerStackCount {
    /// Objects with that stack.
    pub allocs: u64,
    /// Objects among them that are freed.
    pub frees: u64,
}
