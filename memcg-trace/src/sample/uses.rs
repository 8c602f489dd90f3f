//! Users of cgroups without tasks: the answer to one query.

use serde::{Deserialize, Serialize};

/// What uses live memory cgroups without tasks in or below them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CgroupUses {
    /// The start of the scan, CLOCK_MONOTONIC.
    pub begin_ns: u64,
    /// The end of the scan, CLOCK_MONOTONIC.
    pub end_ns: u64,
    /// Inodes that were looked at.
    pub visited: u64,
    /// Whether this kernel has `memory.reclaim`; `None` if that is not known.
    pub can_reclaim: Option<bool>,
    /// Free swap space; `None` if that is not known.
    pub free_swap_bytes: Option<u64>,
    /// Those that had no task at the start and at the end of the scan.
    pub cgroups: Vec<CgroupUse>,
    /// Things that could not be looked at, a line each: then nobody can say that a cgroup has no
    /// use.
    pub not_checked: Vec<String>,
}

/// What uses one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CgroupUse {
    /// Its serial number.
    pub serial_nr: u64,
    /// Whether an inotify or fanotify mark is on its directory, on a file in it or below.
    pub is_watched: bool,
    /// Whether its directory, or a file or directory below, is open, mounted or somebody's current
    /// directory.
    pub is_open: bool,
    /// The least time that it exists: since its directory, or a file in it, was looked up first;
    /// `None` where the kernel has forgotten that.
    pub least_age_ns: Option<u64>,
    /// Live cgroups below it, with the memory controller or without (`cgroup.nr_descendants`):
    /// `rmdir(2)` is refused while there are some. `None` where that could not be read.
    pub live_below: Option<u64>,
}
