//! Dead cgroups whose memory cgroup is gone: `nr_dying_descendants` and `/proc/cgroups` count them,
//! but no list of memory cgroups has them.

use serde::{Deserialize, Serialize};

use super::Text;

/// The dead cgroups of the hierarchy that has the memory controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DyingCgroups {
    /// The time of the scan, CLOCK_MONOTONIC.
    pub as_of_ns: u64,
    /// Their number by the kernel's own count (`nr_dying_descendants` of the root).
    pub nr_dying: u64,
    /// Cgroups in that hierarchy, dead or alive, as `/proc/cgroups` counts them.
    pub nr_cgroups: Option<u64>,
    /// Dead ones whose memory cgroup is a zombie.
    pub with_zombie: u64,
    /// Other dead ones that were found.
    pub without_memcg: u64,
    /// These others; the list is bounded, and the count is complete.
    pub cgroups: Vec<DyingCgroup>,
    /// The reason why the others could not be searched, in one line.
    pub not_checked: Option<String>,
}

/// A dead cgroup whose memory cgroup is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DyingCgroup {
    /// `cgroup.self.serial_nr`: its identity for this boot, among memory cgroups too.
    pub serial_nr: u64,
    /// Inode number of its directory.
    pub cgroup_id: u64,
    /// Its path from the root of its hierarchy.
    pub path: Text,
    /// References to it; `None` while they are spread over the CPUs.
    pub refs: Option<i64>,
}
