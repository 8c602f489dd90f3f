//! What every view draws: one immutable picture of one moment.
//!
//! Each section is behind its own `Arc`, so a section that did not change costs nothing to pass
//! on, and carries where it came from, how old it is and what it covers.

pub mod advice;
mod dying;
pub mod history;
pub mod inside;
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
pub use dying::{DeadCgroup, Dying};
pub use history::{Figure, Figures, Finding, FindingKind, Growth, Reparent, Severity};
pub use inside::{Inside, InsideRow};
pub use locks::{LockHeld, LockHolder, LockMemcg, LockStats, LockWait, Release};
pub use losses::{Counted, ONE_IN};
pub use memcgs::{Creator, Memcg, MemcgId, Phase, Totals, UNLIMITED_BYTES, is_unlimited};
pub use pins::Pins;
pub use reclaim::Reclaim;
pub use reclaimable::Reclaimable;
pub use section::{Section, Source};
pub use shrinkers::Shrinker;
pub use slab::{Held, Inherited, Slab, SlabCache};
pub use waits::{Convoy, Deadlock, Judged, Outcome, Wait};

use crate::sample::{Loss, Tax};

/// All that is known at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Number of this snapshot in the run, from 0.
    pub frame: u64,
    /// When, CLOCK_MONOTONIC.
    pub mono_ns: u64,
    /// When, nanoseconds since 1970.
    pub unix_ns: i64,
    /// Time between the last two samples in turn; `None` for the first, which therefore has no
    /// rates.
    pub interval_ns: Option<u64>,
    /// How many memory cgroups there are.
    pub totals: Totals,
    /// Memory cgroups, zombies among them, in the order of a tree listing.
    pub memcgs: Arc<Section<Memcg>>,
    /// Dead cgroups whose memory cgroup is gone; `None` where nobody looked for them.
    pub dying: Option<Arc<Dying>>,
    /// Slab objects per memcg and cache.
    pub slab: Arc<Section<Slab>>,
    /// Caches, as of the last walk of all slabs.
    pub slab_caches: Arc<Section<SlabCache>>,
    /// Pages of kmalloc that are no slabs, likewise; `None` where they cannot be told.
    pub large_kmalloc_pages: Option<u64>,
    /// What memcgs are charged for since children of them died, likewise.
    pub inherited: Arc<Section<Inherited>>,
    /// What the objects of the cache are that was asked about.
    pub slab_inside: Arc<Section<Inside>>,
    /// Shrinkers.
    pub shrinkers: Arc<Section<Shrinker>>,
    /// Who waits for memory to be reclaimed, and from whom it is.
    pub reclaim: Arc<Section<Reclaim>>,
    /// Waits that go on, longest first.
    pub lock_waits: Arc<Section<LockWait>>,
    /// Waits that ended, by lock, longest sum first.
    pub lock_stats: Arc<Section<LockStats>>,
    /// What dead memory cgroups cost those that live: one item, sums since the start.
    pub tax: Arc<Section<Tax>>,
    /// Deadlocks of the last answer, the shortest cycle first, and those that are gone.
    pub deadlocks: Arc<Section<Deadlock>>,
    /// Why the long waits of the last answer last, the longest first.
    pub convoys: Arc<Section<Convoy>>,
    /// Waits that the last answer found, the longest first: all in deadlocks and behind them, and
    /// of the others the long ones.
    pub waits: Arc<Section<Wait>>,
    /// How that was found out; `None` if it was not asked.
    pub judged: Option<Arc<Judged>>,
    /// Who pins the zombies that were asked about, those with the most references first.
    pub pins: Arc<Section<Pins>>,
    /// What dead memcgs left to their ancestors, oldest first; the last of them.
    pub reparents: Arc<Section<Reparent>>,
    /// What a person should look at: what goes on first, then what has stopped.
    pub findings: Arc<Section<Finding>>,
    /// What was lost since the start.
    pub losses: Arc<[Loss]>,
    /// Of how much, before any row was left out.
    pub counted: Counted,
}

impl Snapshot {
    /// The sections of a whole host that cannot be had, and why.
    pub fn absences(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let absences = [
            self.memcgs.absence(),
            self.slab.absence(),
            self.shrinkers.absence(),
            self.lock_waits.absence(),
            self.tax.absence(),
            self.reclaim.absence(),
        ];
        absences.into_iter().flatten()
    }

    /// Whether there is at least one section of a whole host.
    #[must_use]
    pub fn has_figures(&self) -> bool {
        self.memcgs.is_known()
            || self.slab.is_known()
            || self.shrinkers.is_known()
            || self.lock_waits.is_known()
            || self.tax.is_known()
            || self.reclaim.is_known()
    }

    /// Everything lost since the start, as far as it is known.
    #[must_use]
    pub fn lost_total(&self) -> u64 {
        self.losses
            .iter()
            .filter_map(|loss| loss.lost_total)
            .fold(0, u64::saturating_add)
    }
}
