//! Memory cgroups: rows of a walk, and events of their life.

use serde::{Deserialize, Serialize};

use super::Text;

/// All memory cgroups at about one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemcgWalk {
    /// The start of the walk, CLOCK_MONOTONIC. Memcgs that were made or died until `end_ns` may be
    /// in it or not; the events say.
    pub begin_ns: u64,
    /// The end of the walk, CLOCK_MONOTONIC.
    pub end_ns: u64,
    /// CPU time of the walk.
    pub took_ns: u64,
    /// The number of memcgs read, where a bound stopped the walk.
    pub truncated_at: Option<u64>,
    /// Whether this kernel gives the LRU pages of a dead memcg to its parent (7.1 and later:
    /// mm/memcontrol.c: memcg_reparent_objcgs()); `None` where that is not known.
    pub reparents_lru: Option<bool>,
    /// The memcgs, parents before children.
    pub rows: Vec<Memcg>,
}

/// One memory cgroup, dead or alive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memcg {
    /// `css.serial_nr`: its identity for this boot.
    pub serial_nr: u64,
    /// The parent's; `None` for the root.
    pub parent_serial_nr: Option<u64>,
    /// Inode number of its directory.
    pub cgroup_id: u64,
    /// `css.id`.
    pub css_id: u32,
    /// Last component of its path; empty for the root.
    pub name: Text,
    /// `css.flags` (include/linux/cgroup-defs.h).
    pub flags: u32,
    /// Whether `css.refcnt` is dead: it has been killed.
    pub killed: bool,
    /// Whether the kill is confirmed: from then on `refs` is exact.
    pub confirmed: bool,
    /// References; `None` while they are spread over the CPUs.
    pub refs: Option<i64>,
    /// Css_sets and children with tasks, on kernels that let a dying cgroup drain (7.x).
    pub populated: Option<u32>,
    /// Whether tasks are in its cgroup or below it, by the kernel's own counts
    /// (`cgroup.nr_populated_*`); `None` where these could not be read, and in older recordings.
    pub has_tasks: Option<bool>,
    /// Usage, with everything below. Stale on a dead memcg.
    pub usage_bytes: Option<u64>,
    /// `memory.high`; unlimited is what the kernel makes of it, 2^63 less a page.
    pub high_bytes: Option<u64>,
    /// `memory.max`, likewise.
    pub max_bytes: Option<u64>,
    /// `memory.low`, likewise; `None` where it could not be read, and in older recordings.
    pub low_bytes: Option<u64>,
    /// Slab, with everything below, as of the kernel's last flush (2 s).
    pub slab_bytes: Option<u64>,
    /// All memory of the kernel, slab included, likewise (`kernel` of `memory.stat`); `None` on
    /// kernels that keep no such sum (until 5.17).
    pub kmem_bytes: Option<u64>,
    /// Pages on the own LRU lists of a dead memcg, unevictable ones included.
    pub lru_pages: Option<u64>,
    /// Pages in swap that are charged to a dead memcg.
    pub swap_entries: Option<u64>,
    /// Memory of the kernel that a dead memcg takes by itself.
    pub own_cost_bytes: Option<u64>,
}

/// The kind of an event in the life of a memory cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemcgEventKind {
    /// It was made.
    Online,
    /// It was taken offline: it is dead, and nothing is charged to it any more.
    Offline,
    /// Nothing refers to it any more.
    Released,
    /// Its memory is freed.
    Freed,
    /// A kind that this version does not know.
    #[serde(other)]
    Other,
}

/// One event of the life of a memory cgroup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemcgEvent {
    /// The kind.
    pub kind: MemcgEventKind,
    /// The time, CLOCK_MONOTONIC.
    pub time_ns: u64,
    /// As in [`Memcg`].
    pub serial_nr: u64,
    /// As in [`Memcg`].
    pub parent_serial_nr: Option<u64>,
    /// As in [`Memcg`].
    pub cgroup_id: u64,
    /// As in [`Memcg`].
    pub css_id: u32,
    /// As in [`Memcg`].
    pub name: Text,
    /// Process id of the task in whose context it happened.
    pub pid: u32,
    /// Its name.
    pub comm: Text,
    /// For [`MemcgEventKind::Offline`], the pages on its own LRU lists at that time; `None` where that
    /// could not be read. [`MemcgWalk::reparents_lru`] says whether they went to its parent.
    #[serde(default)]
    pub lru_pages: Option<u64>,
}
