//! Memory cgroups, dead or alive.

use std::sync::Arc;

use crate::sample::{self, Text};

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
                .map(|memcg| memcg.facts.own_cost_bytes)
                .try_fold(0_u64, |sum, bytes| sum.checked_add(bytes?)),
        }
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
    /// As the last walk saw it, and changed by the events since; its name is in `id`.
    pub facts: sample::Memcg,
    /// The parent's cgroup inode; `None` for the root.
    pub parent_cgroup_id: Option<u64>,
    /// Levels below the root.
    pub depth: u16,
    /// `None` while it lives.
    pub phase: Option<Phase>,
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
}

/// Value from which on `memory.high` and `memory.max` mean "no limit" (PAGE_COUNTER_MAX).
pub const UNLIMITED_BYTES: u64 = 0x7fff_ffff_ffff_f000;

/// Whether a limit is none; `None` where it is not known.
#[must_use]
pub fn is_unlimited(limit: Option<u64>) -> Option<bool> {
    limit.map(|limit| limit >= UNLIMITED_BYTES)
}
