//! Reclaim: who waits for it, what it takes, and from whom.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// How a reclaim was begun (`ReclaimKey.kind`, `ShrinkerKey.kind`).
pub mod kind {
    /// Not seen: before the probes were attached, or lost.
    pub const UNKNOWN: u32 = 0;
    /// By `kswapd`, on a node that runs short.
    pub const KSWAPD: u32 = 1;
    /// By a task that found no free page (mm/vmscan.c: try_to_free_pages(), node_reclaim()).
    pub const DIRECT: u32 = 2;
    /// Of one memcg: who called `try_to_free_mem_cgroup_pages()` says why.
    pub const MEMCG: u32 = 3;
    /// Not at all: a write to `/proc/sys/vm/drop_caches`.
    pub const DROP_CACHES: u32 = 4;
    /// No reclaim but a sleep, in `mem_cgroup_handle_over_high()`.
    pub const THROTTLE: u32 = 5;
}

/// Rows of the map `RECLAIM`.
pub const RECLAIM_ROWS: u32 = 8192;

/// Key of the per-CPU map `RECLAIM` and of `STALL_TIMES`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ReclaimKey {
    /// `css.serial_nr` of the memcg whose task waits, or whose pages are scanned.
    pub memcg_serial_nr: u64,
    /// That of the memcg whose limit it is; 0 where none is.
    pub limit_serial_nr: u64,
    /// Return address into who called, for [`kind::MEMCG`]; else 0.
    pub caller: u64,
    /// One of [`kind`].
    pub kind: u32,
    /// 1 for a thread of the kernel, which waits on nobody's time.
    pub is_kthread: u32,
}

/// What it was since the probes were attached.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ReclaimCount {
    /// Reclaims, or sleeps, from begin to end.
    pub runs: u64,
    /// Their time.
    pub run_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// Times that a reclaim came to the memcg's lists of one node.
    pub visits: u64,
    /// Time from there to the next memcg.
    pub visit_ns: u64,
    /// Pages that count as `pgscan_*`.
    pub scanned_pages: u64,
    /// Pages that count as `pgsteal_*`.
    pub reclaimed_pages: u64,
}

/// A task that reclaims, keyed by `bpf_get_current_pid_tgid()`. That of `kswapd` stays.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Reclaimer {
    /// When it began; 0 for `kswapd`.
    pub begin_ns: u64,
    /// As in [`ReclaimKey`].
    pub limit_serial_nr: u64,
    /// As in [`ReclaimKey`].
    pub caller: u64,
    /// As in [`ReclaimKey`].
    pub kind: u32,
    /// As in [`ReclaimKey`].
    pub is_kthread: u32,
    /// When it was last seen to come to a memcg or to be done with one; 0 before.
    pub seen_ns: u64,
    /// When it came to the memcg that it is at; 0 if it is at none.
    pub visit_ns: u64,
    /// That memcg.
    pub visit_serial_nr: u64,
    /// 1 if that memcg's lists are those of MGLRU.
    pub is_mglru: u64,
    /// Address of the `struct scan_control` of the reclaim, where that is to tell what MGLRU took;
    /// else 0.
    pub control: u64,
    /// What it said when the visit began: `nr_scanned`.
    pub scanned_pages: u64,
    /// And `nr_reclaimed`.
    pub reclaimed_pages: u64,
    /// Address of its `task_struct`.
    pub task: u64,
    /// Time that the task had run outside the kernel when it began: nobody gets there within one.
    pub user_ns: u64,
    /// Times that the task had gone to sleep when it began (`task_struct.nvcsw`).
    pub sleeps: u64,
}

/// Key of the map `STALLED_TASKS`: a task that is moved to another memcg stalls there anew.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct StalledKey {
    /// `bpf_get_current_pid_tgid()`.
    pub task: u64,
    /// Its memcg.
    pub memcg_serial_nr: u64,
}

/// Stalls of one task in one memcg.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct StalledTask {
    /// How many.
    pub stalls: u64,
    /// Their time.
    pub stall_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// `task_struct.start_time`, which tells it from a later one of the same number.
    pub start_ns: u64,
    /// Its name.
    pub comm: [u8; 16],
}

/// Somebody whom the kernel kills for memory, in the ring `OOM`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct OomRecord {
    /// When, CLOCK_MONOTONIC.
    pub time_ns: u64,
    /// 1 if it goes with the kill before it, for `memory.oom.group`: whose limit it is, and what
    /// there was to be had, is told there.
    pub is_of_group: u64,
    /// `css.serial_nr` of the memcg whose limit it is; 0 if the host is out of memory.
    pub limit_serial_nr: u64,
    /// The victim's memcg.
    pub victim_serial_nr: u64,
    /// `oom_control.totalpages`: what there is to be had.
    pub total_pages: u64,
    /// `oom_control.chosen_points`.
    pub points: i64,
    /// `task_struct.tgid` of the victim.
    pub victim_pid: u32,
    /// Who found no memory.
    pub pid: u32,
    /// Name of the victim.
    pub victim_comm: [u8; 16],
    /// Name of who found none.
    pub comm: [u8; 16],
}
