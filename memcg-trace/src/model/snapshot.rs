//! Snapshots: the immutable state of one moment, which all views draw.
//!
//! Each section is behind its own `Arc`, so passing on an unchanged section costs nothing. A
//! section has its source, its age and its coverage.

pub mod advice;
pub mod cache_contents;
mod counted;
mod dying;
pub mod history;
pub mod locks;
mod losses;
mod memcgs;
pub mod pins;
pub mod reclaim;
mod reclaimable;
mod section;
mod shrinkers;
pub mod slab;
pub mod waits;

use std::sync::Arc;

pub use crate::sample::waits::Evidence;
pub use advice::{Action, Advice, Class};
pub use cache_contents::{CacheContents, ContentsRow};
pub use counted::Counted;
pub use dying::{DeadCgroup, Dying};
pub use history::{Figure, Figures, Finding, FindingKind, Growth, Reparent, Severity};
pub use locks::{LockHeld, LockHolder, LockMemcg, LockStats, LockWait, Release};
pub use losses::ONE_IN;
pub use memcgs::{Creator, Emptied, Memcg, MemcgId, Phase, Totals, UNLIMITED_BYTES, is_unlimited};
pub use pins::Pins;
pub use reclaim::Reclaim;
pub use reclaimable::Reclaimable;
pub use section::{Section, Source};
pub use shrinkers::Shrinker;
pub use slab::{Held, Inherited, Slab, SlabCache};
pub use waits::{Convoy, Deadlock, Judged, Outcome, Wait};

use crate::sample::callers::Callers;
use crate::sample::host_facts::HostFacts;
use crate::sample::reclaim::Shrinking;
use crate::sample::uses::CgroupUses;
use crate::sample::{Loss, ZombieCost};

/// The state of one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Number of this snapshot in the run, from 0.
    pub frame: u64,
    /// Its time, CLOCK_MONOTONIC.
    pub mono_ns: u64,
    /// Its time, nanoseconds since 1970.
    pub unix_ns: i64,
    /// Time between the last two periodic samples; `None` for the first, which therefore has no
    /// rates.
    pub interval_ns: Option<u64>,
    /// Facts about the host; `None` where no sample had them, as in older recordings.
    pub host_facts: Option<Arc<HostFacts>>,
    /// Counts of memory cgroups.
    pub totals: Totals,
    /// Memory cgroups, zombies among them, in the order of a tree listing.
    pub memcgs: Arc<Section<Memcg>>,
    /// Dead cgroups whose memory cgroup is gone; `None` where they were not searched.
    pub dying: Option<Arc<Dying>>,
    /// Slab objects per memcg and cache.
    pub slab: Arc<Section<Slab>>,
    /// Caches, as of the last walk of all slabs.
    pub slab_caches: Arc<Section<SlabCache>>,
    /// Pages of kmalloc outside slabs, as of the last walk; `None` where they cannot be identified.
    pub large_kmalloc_pages: Option<u64>,
    /// Charges that memcgs inherited from dead children, as of the last walk.
    pub inherited: Arc<Section<Inherited>>,
    /// The objects of the cache that a query named.
    pub slab_inside: Arc<Section<CacheContents>>,
    /// Call sites that have objects of one cache.
    pub callers: Arc<Section<Callers>>,
    /// Shrinkers.
    pub shrinkers: Arc<Section<Shrinker>>,
    /// Waits for reclaim, and the memcgs that it takes memory from.
    pub reclaim: Arc<Section<Reclaim>>,
    /// Runs of shrinkers in progress.
    pub shrinking: Arc<[Shrinking]>,
    /// Waits in progress, longest first.
    pub lock_waits: Arc<Section<LockWait>>,
    /// Waits that ended, by lock, longest sum first.
    pub lock_stats: Arc<Section<LockStats>>,
    /// The cost of dead memory cgroups for those that live: one item, sums since the start.
    pub zombie_cost: Arc<Section<ZombieCost>>,
    /// Deadlocks of the last answer, the shortest cycle first, and those that are gone.
    pub deadlocks: Arc<Section<Deadlock>>,
    /// The roots of the long waits of the last answer, the longest first.
    pub convoys: Arc<Section<Convoy>>,
    /// Waits that the last answer found, the longest first: all in deadlocks and behind them, and
    /// of the others the long ones.
    pub waits: Arc<Section<Wait>>,
    /// The scan and its outcome; `None` without a query.
    pub judged: Option<Arc<Judged>>,
    /// Pins of the zombies that a query named, those with the most references first.
    pub pins: Arc<Section<Pins>>,
    /// Who uses cgroups without tasks, as of the last query; `None` without one.
    pub cgroup_uses: Option<Arc<CgroupUses>>,
    /// The last reparentings, oldest first.
    pub reparents: Arc<Section<Reparent>>,
    /// Findings: those in progress first, then those that have stopped.
    pub findings: Arc<Section<Finding>>,
    /// State files that could not be read, and why, a line each: names may be missing.
    pub names_not_read: Arc<[String]>,
    /// Losses since the start.
    pub losses: Arc<[Loss]>,
    /// Rows that a bound on their number left out, by type of record; none without such a bound.
    pub omitted: Vec<(&'static str, u64)>,
    /// Counts to compare the losses with, before any row was left out.
    pub counted: Counted,
}

impl Snapshot {
    /// Returns the sections of a whole host that are absent, with the reasons.
    pub fn absences(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let absences = [
            self.memcgs.absence(),
            self.slab.absence(),
            self.shrinkers.absence(),
            self.lock_waits.absence(),
            self.zombie_cost.absence(),
            self.reclaim.absence(),
        ];
        absences.into_iter().flatten()
    }

    /// Returns whether there is at least one section of a whole host.
    #[must_use]
    pub fn has_figures(&self) -> bool {
        self.memcgs.is_known()
            || self.slab.is_known()
            || self.shrinkers.is_known()
            || self.lock_waits.is_known()
            || self.zombie_cost.is_known()
            || self.reclaim.is_known()
    }

    /// Returns all known losses since the start.
    #[must_use]
    pub fn lost_total(&self) -> u64 {
        self.losses
            .iter()
            .filter_map(|loss| loss.lost_total)
            .fold(0, u64::saturating_add)
    }
}
