//! What dead memory cgroups cost those that live: reclaim passes them, and flushes of statistics
//! add theirs up.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `CSS_ONLINE` of `css.flags` (include/linux/cgroup-defs.h): a memcg without it is dead, or not
/// yet alive.
pub const CSS_ONLINE: u32 = 1 << 1;
/// Two flushes of memcgs that are further apart than this are not of one run: the flusher was
/// scheduled out between them.
pub const LONGEST_FLUSH_NS: u64 = 1_000_000;

/// The one value of the per-CPU map `TAX`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct TaxCount {
    /// Memcgs that reclaim came to, once for each node: entries into `shrink_slab()`.
    pub reclaim_visits: u64,
    /// Of those, dead ones.
    pub dead_reclaim_visits: u64,
    /// Memcgs whose statistics of one CPU were added to their parent's.
    pub flushes: u64,
    /// Of those, dead ones.
    pub dead_flushes: u64,
    /// Time of flushes of dead ones that another one followed.
    pub dead_flush_ns: u64,
    /// Flushes of dead ones whose end was not seen: the last of a run.
    pub dead_flushes_unmeasured: u64,
    /// When this CPU began with a dead one; 0 where it did not.
    pub begin_ns: u64,
}
