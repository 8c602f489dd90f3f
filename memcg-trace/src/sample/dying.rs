//! Dead cgroups whose memory cgroup is gone: what `nr_dying_descendants` and `/proc/cgroups` count
//! and no list of memory cgroups has.

use serde::{Deserialize, Serialize};

use super::Text;

/// The dead cgroups of the hierarchy that has the memory controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DyingCgroups {
    /// When they were looked at, CLOCK_MONOTONIC.
    pub as_of_ns: u64,
    /// How many there are, by the kernel's own count (`nr_dying_descendants` of the root).
    pub nr_dying: u64,
    /// Cgroups in that hierarchy, dead or alive, as `/proc/cgroups` has them.
    pub nr_cgroups: Option<u64>,
    /// How many of the dead ones have a memory cgroup that is a zombie.
    pub with_zombie: u64,
    /// How many others were found.
    pub without_memcg: u64,
    /// The others; the list is bounded, and they are all counted.
    pub cgroups: Vec<DyingCgroup>,
    /// Why the others could not be looked for, in one line.
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
    /// From the root of its hierarchy.
    pub path: Text,
    /// References to it; `None` while they are spread over the CPUs.
    pub refs: Option<i64>,
}
