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
pub mod pins;
pub mod reclaim;
mod reclaimable;
pub mod slab;
pub mod waits;

use std::sync::Arc;

pub use crate::sample::waits::Evidence;
pub use advice::{Action, Advice, Class};
pub use dying::{DeadCgroup, Dying};
pub use history::{Figure, Figures, Finding, FindingKind, Growth, Reparent, Severity};
pub use inside::{Inside, InsideRow};
pub use locks::{LockHeld, LockHolder, LockMemcg, LockStats, Release};
pub use losses::{Counted, ONE_IN};
pub use pins::Pins;
pub use reclaim::Reclaim;
pub use reclaimable::Reclaimable;
pub use slab::{Held, Inherited, Slab, SlabCache};
pub use waits::{Convoy, Deadlock, Judged, Outcome, Wait};

use crate::sample::reclaim::Cause;
use crate::sample::{Loss, Resource, Task, Tax, Text};

/// Where the figures of a section come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A walk of kernel memory.
    Walk,
    /// Events counted in the kernel.
    Event,
    /// Nowhere: the section could not be had, and its figures are not known.
    Absent,
}

/// One kind of figures.
#[derive(Clone, Debug)]
pub struct Section<T> {
    /// `memcg`, `slab`, `slab_walk`, `slab_inside`, `inherited`, `shrinker`, `reclaim`, `lock`, `tax`,
    /// `deadlock`, `convoy`, `waits`, `pins`, `reparent`, `finding`.
    pub name: &'static str,
    /// Where it comes from.
    pub source: Source,
    /// When it was read, CLOCK_MONOTONIC; `None` if it never was.
    pub as_of_ns: Option<u64>,
    /// Time that reading took.
    pub took_ns: Option<u64>,
    /// Things looked at.
    pub visited: Option<u64>,
    /// Set where a bound stopped it after so many things.
    pub truncated_at: Option<u64>,
    /// Why it is absent.
    pub reason: Option<String>,
    /// The figures.
    pub items: Vec<T>,
}

impl<T> Section<T> {
    /// A section that has not been read so far.
    #[must_use]
    pub fn unread(name: &'static str) -> Self {
        Self::absent(name, "not read yet")
    }

    /// A section that cannot be had.
    #[must_use]
    pub fn absent(name: &'static str, reason: &str) -> Self {
        Self {
            name,
            source: Source::Absent,
            as_of_ns: None,
            took_ns: None,
            visited: None,
            truncated_at: None,
            reason: Some(reason.to_owned()),
            items: Vec::new(),
        }
    }

    /// Whether there are figures, be they none at all.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.source != Source::Absent
    }

    /// Its name and why it cannot be had; `None` if it can.
    #[must_use]
    pub fn absence(&self) -> Option<(&'static str, &str)> {
        Some((self.name, self.reason.as_deref()?))
    }

    /// The same section with other items.
    #[must_use]
    pub fn with_items(&self, items: Vec<T>) -> Self {
        Self {
            items,
            reason: self.reason.clone(),
            ..*self
        }
    }
}

/// How many memory cgroups there are, before any `--top` left rows out; `None` where they are
/// not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Dead or alive.
    pub memcgs: Option<u64>,
    /// The dead ones.
    pub zombies: Option<u64>,
    /// The dead ones by phase, in the order of [`Phase::ALL`].
    pub by_phase: [u64; Phase::ALL.len()],
    /// Memory of the kernel that the dead ones take by themselves; `None` where it is not known
    /// of all.
    pub own_cost_bytes: Option<u64>,
}

impl Totals {
    /// Counts a complete list.
    #[must_use]
    pub fn of(memcgs: &[Memcg]) -> Self {
        let mut by_phase = [0; Phase::ALL.len()];
        for phase in memcgs.iter().filter_map(|memcg| memcg.phase) {
            by_phase[phase as usize] += 1;
        }
        Self {
            memcgs: Some(memcgs.len() as u64),
            zombies: Some(by_phase.iter().sum()),
            by_phase,
            own_cost_bytes: memcgs
                .iter()
                .filter(|memcg| memcg.phase.is_some())
                .map(|memcg| memcg.own_cost_bytes)
                .try_fold(0_u64, |sum, bytes| sum.checked_add(bytes?)),
        }
    }
}

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

/// Which memory cgroup. Shared by all rows that speak of it.
///
/// Where only the serial number is known, the path is empty and the rest is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemcgId {
    /// Inode number of its directory.
    pub cgroup_id: u64,
    /// `css.id`.
    pub css_id: u32,
    /// `css.serial_nr`.
    pub serial_nr: u64,
    /// From the root, `/` for the root itself; as it was when it last had a path.
    pub path: Text,
    /// Last component; `/` for the root.
    pub name: Text,
}

/// How far a dead memory cgroup has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Killed, but tasks are still exiting in it (7.x).
    Populated,
    /// Killed; the kernel waits for a grace period to see all references.
    KillPending,
    /// Waits for its turn to be taken offline.
    OfflineQueued,
    /// Offline, and somebody holds a reference: the ones that do not come back.
    Pinned,
    /// The last reference is gone.
    Freeing,
}

impl Phase {
    /// All of them, in the order in which a memcg goes through them.
    pub const ALL: [Self; 5] = [
        Self::Populated,
        Self::KillPending,
        Self::OfflineQueued,
        Self::Pinned,
        Self::Freeing,
    ];

    /// As it is written in records and on the screen.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Populated => "populated",
            Self::KillPending => "kill_pending",
            Self::OfflineQueued => "offline_queued",
            Self::Pinned => "pinned",
            Self::Freeing => "freeing",
        }
    }
}

/// Who made a memory cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creator {
    /// Process id.
    pub pid: u32,
    /// Its name then.
    pub comm: Text,
}

/// One memory cgroup.
#[derive(Clone, Debug, PartialEq)]
pub struct Memcg {
    /// Which.
    pub id: Arc<MemcgId>,
    /// The parent's cgroup inode; `None` for the root.
    pub parent_cgroup_id: Option<u64>,
    /// Levels below the root.
    pub depth: u16,
    /// `None` while it lives.
    pub phase: Option<Phase>,
    /// References, where they are exact.
    pub refs: Option<i64>,
    /// With everything below it; stale on a dead one.
    pub usage_bytes: Option<u64>,
    /// `memory.high`.
    pub high_bytes: Option<u64>,
    /// `memory.max`.
    pub max_bytes: Option<u64>,
    /// Slab, with everything below it, as of the kernel's last flush.
    pub slab_bytes: Option<u64>,
    /// All memory of the kernel, slab included, likewise; `None` where the kernel keeps no such
    /// sum.
    pub kmem_bytes: Option<u64>,
    /// Slab objects that are its own, as of the last walk of all slabs.
    pub slab_objects: Option<u64>,
    /// How many of these may have been counted twice, or not at all; `None` where events are not
    /// counted.
    pub slab_uncertain_objects: Option<u64>,
    /// What it is charged for since children of it died, likewise.
    pub inherited_bytes: Option<u64>,
    /// Objects charged a second, its own, all caches; `None` without slab events.
    pub slab_alloc_per_sec: Option<f64>,
    /// Objects uncharged a second.
    pub slab_free_per_sec: Option<f64>,
    /// Zombies below it.
    pub zombies: u64,
    /// When it went offline, if that was seen.
    pub offline_ns: Option<u64>,
    /// Who made it, if that was seen.
    pub creator: Option<Arc<Creator>>,
    /// Of a dead one: pages on its own LRU lists, unevictable ones included.
    pub lru_pages: Option<u64>,
    /// Of a dead one: pages in swap that are charged to it.
    pub swap_entries: Option<u64>,
    /// Of a dead one: the memory of the kernel that it takes by itself.
    pub own_cost_bytes: Option<u64>,
}

/// Value from which on `memory.high` and `memory.max` mean "no limit" (PAGE_COUNTER_MAX).
pub const UNLIMITED_BYTES: u64 = 0x7fff_ffff_ffff_f000;

/// Whether a limit is none; `None` where it is not known.
#[must_use]
pub fn is_unlimited(limit: Option<u64>) -> Option<bool> {
    limit.map(|limit| limit >= UNLIMITED_BYTES)
}

/// What a shrinker did for a memcg on a node, since the start of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Shrinker {
    /// For whom; `None` where reclaim was global.
    pub memcg: Option<Arc<MemcgId>>,
    /// Symbol of `scan_objects`, or its address in hexadecimal.
    pub shrinker: String,
    /// Filesystem of a superblock's shrinker.
    pub fs: Option<Text>,
    /// Its device.
    pub dev: Option<String>,
    /// NUMA node.
    pub node: u32,
    /// Whether it looks at one memcg at a time.
    pub memcg_aware: Option<bool>,
    /// Times it was asked.
    pub calls_total: Option<u64>,
    /// Objects it was to scan.
    pub asked_objects_total: u64,
    /// Objects it scanned.
    pub scanned_objects_total: u64,
    /// Objects it freed.
    pub freed_objects_total: u64,
    /// Time it took.
    pub time_ns_total: u64,
    /// The longest run.
    pub max_ns: u64,
    /// Objects scanned a second over the last interval.
    pub scanned_per_sec: Option<f64>,
    /// Objects scanned in each of the last intervals, oldest first.
    pub recent_scanned: Vec<u64>,
    /// Why.
    pub cause: Cause,
    /// The median of its runs; within an eighth.
    pub p50_ns: Option<u64>,
    /// What one run in a hundred is longer than; likewise.
    pub p99_ns: Option<u64>,
    /// Runs that found something to free.
    pub runs_total: Option<u64>,
    /// What there was to free when the last of them began.
    pub freeable_objects: Option<u64>,
    /// What was put off to later runs when the last of them ended.
    pub deferred_objects: Option<u64>,
    /// Runs by the priority of reclaim, from 0, the most urgent.
    pub priorities: Vec<u64>,
}

impl Shrinker {
    /// Freed of what was scanned; `None` where nothing was.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "shown as a percentage")]
    pub fn yielded(&self) -> Option<f64> {
        let (freed, scanned) = (self.freed_objects_total, self.scanned_objects_total);
        (scanned > 0).then(|| freed as f64 / scanned as f64)
    }
}

/// A task that waits for a lock.
#[derive(Clone, Debug, PartialEq)]
pub struct LockWait {
    /// Who.
    pub task: Task,
    /// Its memcg.
    pub memcg: Option<Arc<MemcgId>>,
    /// For what.
    pub resource: Resource,
    /// How.
    pub mode: crate::sample::Mode,
    /// Since when, CLOCK_MONOTONIC.
    pub since_ns: u64,
    /// How long, as of the section's `as_of_ns`.
    pub waited_ns: u64,
    /// How this is known.
    pub evidence: Evidence,
    /// Who has the lock.
    pub owner: Option<Task>,
    /// Whether its task ran when it was looked at, so that the wait may be over.
    pub unconfirmed: bool,
}
