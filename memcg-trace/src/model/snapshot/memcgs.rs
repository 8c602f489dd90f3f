//! Memory cgroups, dead or alive.

use std::sync::Arc;

use strum::{IntoStaticStr, VariantNames};

use crate::model::workload::{Told, Workload};
use crate::sample::{self, Text};

/// Counts of memory cgroups, before any `--top` left rows out; `None` where they are not known.
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
    /// Returns the counts of a complete list.
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
                .map(|memcg| memcg.facts.own_cost_bytes)
                .try_fold(0_u64, |sum, bytes| sum.checked_add(bytes?)),
        }
    }
}

/// The identity of a memory cgroup. All rows that are about it share it.
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
    /// Its path from the root, `/` for the root itself; the last one that it had.
    pub path: Text,
    /// Last component of the path; `/` for the root.
    pub name: Text,
    /// What state files told of its container and its pod.
    pub told: Option<Arc<Told>>,
}

impl MemcgId {
    /// Returns whether it is `other` or below it, by their paths.
    #[must_use]
    pub fn is_in(&self, other: &Self) -> bool {
        if self.serial_nr == other.serial_nr || other.path.as_bytes() == b"/" {
            return true;
        }
        let rest = self.path.as_bytes().strip_prefix(other.path.as_bytes());
        rest.is_some_and(|rest| rest.starts_with(b"/"))
    }

    /// Returns what it belongs to, as far as is known.
    #[must_use]
    pub fn workload(&self) -> Workload {
        let workload = Workload::of_path(&self.path);
        match &self.told {
            Some(told) => told.added_to(workload),
            None => workload,
        }
    }

    /// Returns its path with the container and the pod that it belongs to, fit for a terminal.
    #[must_use]
    pub fn shown(&self) -> String {
        let path = self.path.display();
        match self.workload().label() {
            Some(label) => format!("{path} ({label})"),
            None => path.into_owned(),
        }
    }
}

/// The phases of the removal of a memory cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Phase {
    /// Killed, but tasks are still exiting in it (7.x).
    Populated,
    /// Killed; the kernel waits for a grace period to see all references.
    KillPending,
    /// Queued to be taken offline.
    OfflineQueued,
    /// Offline, and something holds a reference: only these can stay for ever.
    Pinned,
    /// The last reference is gone.
    Freeing,
}

impl Phase {
    /// All phases, in the order in which a memcg goes through them.
    pub const ALL: [Self; 5] = [
        Self::Populated,
        Self::KillPending,
        Self::OfflineQueued,
        Self::Pinned,
        Self::Freeing,
    ];

    /// Returns the name in records and on the screen.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The process that made a memory cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creator {
    /// Process id.
    pub pid: u32,
    /// Its name then.
    pub comm: Text,
}

/// Since when a memory cgroup has had no task in or below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emptied {
    /// The first of the walks that found none, CLOCK_MONOTONIC.
    pub since_ns: u64,
    /// Whether a walk before found tasks; else it may have been empty for longer.
    pub was_seen: bool,
}

/// One memory cgroup.
#[derive(Clone, Debug, PartialEq)]
pub struct Memcg {
    /// Its identity.
    pub id: Arc<MemcgId>,
    /// The facts of the last walk, updated by the events since; its name is in `id`.
    pub facts: sample::Memcg,
    /// The parent's cgroup inode; `None` for the root.
    pub parent_cgroup_id: Option<u64>,
    /// Levels below the root.
    pub depth: u16,
    /// Its phase; `None` while it lives.
    pub phase: Option<Phase>,
    /// Its own slab objects, as of the last walk of all slabs and the events since.
    pub slab_objects: Option<u64>,
    /// The number of these that may have been counted twice, or not at all; `None` where events are
    /// not counted.
    pub slab_uncertain_objects: Option<u64>,
    /// Bytes that it is charged for because children of it died, as of the last walk.
    pub inherited_bytes: Option<u64>,
    /// Objects charged a second, its own, all caches; `None` without slab events.
    pub slab_alloc_per_sec: Option<f64>,
    /// Objects uncharged a second.
    pub slab_free_per_sec: Option<f64>,
    /// Zombies below it.
    pub zombies: u64,
    /// When it went offline, if that was seen.
    pub offline_ns: Option<u64>,
    /// Since when it has had no task in or below it; `None` while it has, or if that is not known.
    pub empty: Option<Emptied>,
    /// The process that made it, if that was seen.
    pub creator: Option<Arc<Creator>>,
}

/// The least value at which `memory.high` and `memory.max` mean "no limit" (PAGE_COUNTER_MAX).
pub const UNLIMITED_BYTES: u64 = 0x7fff_ffff_ffff_f000;

/// Returns whether `limit` means "no limit"; `None` where it is not known.
#[must_use]
pub fn is_unlimited(limit: Option<u64>) -> Option<bool> {
    limit.map(|limit| limit >= UNLIMITED_BYTES)
}
