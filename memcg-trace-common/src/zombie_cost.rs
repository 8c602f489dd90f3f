//! Cost of dead memory cgroups for the live ones: reclaim visits them, and flushes of statistics
//! add theirs up.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `CSS_ONLINE` of `css.flags` (include/linux/cgroup-defs.h): a memcg without it is dead, or not
/// yet alive.
pub const CSS_ONLINE: u32 = 1 << 1;
/// Longest time between two flushes of memcgs of one run: after a longer one the flusher was
/// scheduled out in between.
pub const LONGEST_FLUSH_NS: u64 = 1_000_000;

/// The one value of the per-CPU map `ZOMBIE_COST`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ZombieCost {
    /// Memcgs that reclaim visited, once for each node: entries into `shrink_slab()`.
    pub reclaim_visits: u64,
    /// Dead memcgs among `reclaim_visits`.
    pub dead_reclaim_visits: u64,
    /// Memcgs whose statistics of one CPU were added to their parent's.
    pub flushes: u64,
    /// Dead memcgs among `flushes`.
    pub dead_flushes: u64,
    /// Time of flushes of dead memcgs that were followed by another flush.
    pub dead_flush_ns: u64,
    /// Flushes of dead memcgs whose end was not seen: the last of a run.
    pub dead_flushes_unmeasured: u64,
    /// When this CPU began to flush a dead memcg; 0 while it does not.
    pub begin_ns: u64,
}
