//! Memory cgroups: what a walk finds, and what happens to them.

use serde::{Deserialize, Serialize};

use super::Text;

/// All memory cgroups at about one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemcgWalk {
    /// When the walk began and ended, CLOCK_MONOTONIC. What was born or died in between may be
    /// in it or not; the events say.
    pub begin_ns: u64,
    /// See `begin_ns`.
    pub end_ns: u64,
    /// Time that the walk itself took of a CPU.
    pub took_ns: u64,
    /// Set where a bound stopped the walk: so many were seen.
    pub truncated_at: Option<u64>,
    /// Whether this kernel gives the LRU pages of a dead memcg to its parent (7.1 and later:
    /// mm/memcontrol.c: memcg_reparent_objcgs()); `None` where that is not known.
    pub reparents_lru: Option<bool>,
    /// Parents before children.
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
    /// `css.refcnt` is dead: it has been killed.
    pub killed: bool,
    /// The kill is confirmed, from when on `refs` is exact.
    pub confirmed: bool,
    /// References; `None` while they are spread over the CPUs.
    pub refs: Option<i64>,
    /// Kernels that let a dying cgroup drain (7.x): css_sets and children with tasks in them.
    pub populated: Option<u32>,
    /// `memory.usage`, with everything below. On a dead memcg it is stale.
    pub usage_bytes: Option<u64>,
    /// `memory.high`; unlimited is what the kernel makes of it, 2^63 less a page.
    pub high_bytes: Option<u64>,
    /// `memory.max`, likewise.
    pub max_bytes: Option<u64>,
    /// Slab, with everything below, as of the kernel's last flush (2 s).
    pub slab_bytes: Option<u64>,
    /// All memory of the kernel, slab included, likewise (`kernel` of `memory.stat`); `None` on
    /// kernels that keep no such sum (until 5.17).
    pub kmem_bytes: Option<u64>,
    /// Of a dead one: pages on its own LRU lists, unevictable ones included.
    pub lru_pages: Option<u64>,
    /// Of a dead one: pages in swap that are charged to it.
    pub swap_entries: Option<u64>,
    /// Of a dead one: the memory of the kernel that it takes by itself.
    pub own_cost_bytes: Option<u64>,
}

/// What happened to a memory cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifeKind {
    /// It was made.
    Online,
    /// It was taken offline: it is dead, and charges nothing from now on.
    Offline,
    /// Nothing refers to it any more.
    Released,
    /// Its memory goes.
    Freed,
    /// A kind that this version does not know.
    #[serde(other)]
    Other,
}

/// One event of the life of a memory cgroup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// What.
    pub kind: LifeKind,
    /// When, CLOCK_MONOTONIC.
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
    /// The process on whose time it happened.
    pub pid: u32,
    /// Its name.
    pub comm: Text,
    /// Of [`LifeKind::Offline`]: pages that were on its own LRU lists then; `None` where that
    /// could not be read. Whether they went to its parent: [`MemcgWalk::reparents_lru`].
    #[serde(default)]
    pub lru_pages: Option<u64>,
}
