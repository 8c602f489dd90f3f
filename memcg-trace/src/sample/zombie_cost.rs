//! The cost of dead memory cgroups for those that live.

use serde::{Deserialize, Serialize};

/// Sums since the start; `None` where this kernel does not show them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ZombieCost {
    /// Visits of reclaim to memory cgroups, one for every NUMA node of every walk (mm/shrinker.c:
    /// shrink_slab()).
    pub reclaim_visits_total: Option<u64>,
    /// Visits of reclaim to dead ones, among these.
    pub dead_reclaim_visits_total: Option<u64>,
    /// Flushes of the statistics of a memory cgroup and CPU to the parent's (mm/memcontrol.c:
    /// mem_cgroup_css_rstat_flush()), for readers of memory.stat and others. Also `None` where a
    /// kernel adds each change up at once.
    pub flushes_total: Option<u64>,
    /// Flushes of dead ones, among these.
    pub dead_flushes_total: Option<u64>,
    /// The time of these flushes, where it could be measured.
    pub dead_flush_ns_total: Option<u64>,
    /// Flushes of dead ones that could not be measured: each is the last of a run of flushes, whose
    /// end is not seen.
    pub dead_flushes_unmeasured_total: Option<u64>,
}
