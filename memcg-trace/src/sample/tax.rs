//! What dead memory cgroups cost those that live.

use serde::{Deserialize, Serialize};

/// Sums since the start; `None` where this kernel does not show them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tax {
    /// Memory cgroups that reclaim came to, each once for every NUMA node of every walk
    /// (mm/shrinker.c: shrink_slab()).
    pub reclaim_visits_total: Option<u64>,
    /// Of those, dead ones.
    pub dead_reclaim_visits_total: Option<u64>,
    /// How often the statistics of a memory cgroup and CPU were added to the parent's
    /// (mm/memcontrol.c: mem_cgroup_css_rstat_flush()), for readers of memory.stat and others.
    /// `None` as well where a kernel adds each change up at once.
    pub flushes_total: Option<u64>,
    /// Of those, of dead ones.
    pub dead_flushes_total: Option<u64>,
    /// Time that these took, where it could be measured.
    pub dead_flush_ns_total: Option<u64>,
    /// How many of them could not be measured: each is the last of a run of flushes, whose end
    /// is not seen.
    pub dead_flushes_unmeasured_total: Option<u64>,
}
