//! Samples: plain facts of one interval, as the kernel gave them.
//!
//! A sample holds no rate, no path and no verdict: [`crate::model`] derives those, the same way for
//! a live kernel and for a recording of one. Every part is optional: `None` is "not read in this
//! interval". [`Sample::absent`] names the parts that this source never has, and says why.

pub mod ask;
pub mod callers;
pub mod doctor;
mod dying;
mod holds;
pub mod host_facts;
pub mod incident;
pub mod lasting;
mod locks;
mod memcgs;
pub mod oom;
pub mod pins;
pub mod reclaim;
pub mod recording;
pub mod redact;
pub mod removals;
mod resources;
pub mod ring;
mod shrinkers;
mod slab;
pub mod slab_inside;
pub mod slab_walk;
pub mod state_files;
mod tasks;
mod text;
pub mod uses;
pub mod waits;
mod zombie_cost;

use serde::{Deserialize, Serialize};

pub use dying::{DyingCgroup, DyingCgroups};
pub use holds::{LockHold, LockHolder, LockRelease, LockTimes, TimeClass, percentile};
pub use locks::{LockCount, LockWait, Locks};
pub use memcgs::{Memcg, MemcgEvent, MemcgEventKind, MemcgWalk};
pub use resources::{Mode, Resource, ResourceKind};
pub use shrinkers::{GONE_SERIAL_NR, LightScan, Shrinker};
pub use slab::{BookedSlab, Cache, Slab, SlabBefore, SlabCount};
pub use tasks::Task;
pub use text::{Text, sanitized};
pub use zombie_cost::ZombieCost;

/// The facts of one interval.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// When the sample was complete, CLOCK_MONOTONIC.
    pub mono_ns: u64,
    /// The same moment, nanoseconds since 1970.
    pub unix_ns: i64,
    /// Facts about the host, in the first sample and after each change.
    pub host_facts: Option<host_facts::HostFacts>,
    /// All memory cgroups, if a walk ended in this interval.
    pub memcgs: Option<MemcgWalk>,
    /// Dead cgroups without a memory cgroup, if they were counted in this interval.
    pub dying: Option<DyingCgroups>,
    /// Events of the life of memory cgroups, oldest first.
    pub life: Option<Vec<MemcgEvent>>,
    /// Slab objects charged and uncharged.
    pub slab: Option<Slab>,
    /// Shrinkers that ran.
    pub shrinkers: Option<Vec<Shrinker>>,
    /// Waits for locks.
    pub locks: Option<Locks>,
    /// The cost of dead memory cgroups.
    #[serde(rename = "tax")]
    pub zombie_cost: Option<ZombieCost>,
    /// Reclaim: its waiters, and the memcgs that it takes memory from.
    pub reclaim: Option<reclaim::Reclaim>,
    /// OOM kills, oldest first.
    pub oom_kills: Option<Vec<reclaim::OomKill>>,
    /// The pins of the zombies that a query named.
    pub pins: Option<pins::Pins>,
    /// Waits, resources and holders, if a query asked for them.
    pub waits: Option<waits::Waits>,
    /// The owners of slab memory, if a query asked for them.
    pub slab_walk: Option<slab_walk::SlabWalk>,
    /// The objects of one cache, if a query asked for them.
    pub slab_inside: Option<slab_inside::SlabInside>,
    /// The call sites that have objects of a slab cache, if it is watched.
    pub callers: Option<callers::Callers>,
    /// Who uses cgroups without tasks, if a query asked for that.
    pub cgroup_uses: Option<uses::CgroupUses>,
    /// Names of containers and pods, if they have changed.
    pub state_files: Option<state_files::StateFiles>,
    /// Losses since the start.
    pub losses: Vec<Loss>,
    /// Sections that this source does not have, and why.
    pub absent: Vec<Absent>,
}

impl Sample {
    /// Returns whether the sample holds only a query's answer, not a periodic sample.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        let has_others = self.memcgs.is_some()
            || self.dying.is_some()
            || self.life.is_some()
            || self.slab.is_some()
            || self.shrinkers.is_some()
            || self.locks.is_some()
            || self.zombie_cost.is_some()
            || self.reclaim.is_some()
            || self.callers.is_some();
        let is_answered = self.pins.is_some()
            || self.waits.is_some()
            || self.slab_walk.is_some()
            || self.slab_inside.is_some()
            || self.cgroup_uses.is_some();
        is_answered && !has_others
    }

    /// Returns the reason why the source does not have a section, if it names one.
    #[must_use]
    pub fn absence(&self, section: &str) -> Option<&str> {
        self.absent
            .iter()
            .find(|absent| absent.section == section)
            .map(|absent| &*absent.reason)
    }
}

/// A section that this source does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Absent {
    /// Its name: `memcg`, `slab`, `shrinker`, `lock`, `tax`, `reclaim`, `pins`, `waits`,
    /// `slab_walk`, `slab_inside`, `cgroup_uses`, `slab_callers`.
    pub section: String,
    /// The reason in one line.
    pub reason: String,
}

/// A counter of things that could not be counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Loss {
    /// The place of the loss.
    #[serde(rename = "where")]
    pub place: String,
    /// Their number since the start; `None` where the kernel does not count them.
    pub lost_total: Option<u64>,
}
