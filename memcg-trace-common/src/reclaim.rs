//! Reclaim: waiting tasks, pages reclaimed, and their memcgs.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// How a reclaim began (`ReclaimKey.kind`, `ShrinkerKey.kind`).
pub mod kind {
    /// The start was not seen: it was before the probes were attached, or was lost.
    pub const UNKNOWN: u32 = 0;
    /// By `kswapd`, on a node that runs short.
    pub const KSWAPD: u32 = 1;
    /// By a task that found no free page (mm/vmscan.c: try_to_free_pages(), node_reclaim()).
    pub const DIRECT: u32 = 2;
    /// Of one memcg: the caller of `try_to_free_mem_cgroup_pages()` shows the reason.
    pub const MEMCG: u32 = 3;
    /// No reclaim: a write to `/proc/sys/vm/drop_caches`.
    pub const DROP_CACHES: u32 = 4;
    /// No reclaim: a sleep in `mem_cgroup_handle_over_high()`.
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
    /// `css.serial_nr` of the memcg whose limit caused the reclaim; 0 where none did.
    pub limit_serial_nr: u64,
    /// Return address into the caller, for [`kind::MEMCG`]; else 0.
    pub caller: u64,
    /// One of [`kind`].
    pub kind: u32,
    /// 1 for a kernel thread, whose waits delay no process.
    pub is_kthread: u32,
}

/// Sums since the probes were attached.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ReclaimCount {
    /// Reclaims, or sleeps, from start to end.
    pub runs: u64,
    /// Sum of their times.
    pub run_ns: u64,
    /// The longest run.
    pub max_ns: u64,
    /// Visits of a reclaim to the memcg's lists of one node.
    pub visits: u64,
    /// Time from each visit to the next memcg.
    pub visit_ns: u64,
    /// Pages that count as `pgscan_*`.
    pub scanned_pages: u64,
    /// Pages that count as `pgsteal_*`.
    pub reclaimed_pages: u64,
}

/// A task in reclaim, keyed by `bpf_get_current_pid_tgid()`. The row of `kswapd` stays.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Reclaimer {
    /// Start of the reclaim; 0 for `kswapd`.
    pub begin_ns: u64,
    /// As in [`ReclaimKey`].
    pub limit_serial_nr: u64,
    /// As in [`ReclaimKey`].
    pub caller: u64,
    /// As in [`ReclaimKey`].
    pub kind: u32,
    /// As in [`ReclaimKey`].
    pub is_kthread: u32,
    /// Time of the last start or end of a visit to a memcg; 0 before the first.
    pub seen_ns: u64,
    /// Start of the visit to the present memcg; 0 outside of a visit.
    pub visit_ns: u64,
    /// `css.serial_nr` of the visited memcg.
    pub visit_serial_nr: u64,
    /// 1 if the visited lists are those of MGLRU.
    pub is_mglru: u64,
    /// Address of the `struct scan_control` of the reclaim, where the pages reclaimed from MGLRU
    /// are read from it; else 0.
    pub control: u64,
    /// Its `nr_scanned` when the visit began.
    pub scanned_pages: u64,
    /// Its `nr_reclaimed` when the visit began.
    pub reclaimed_pages: u64,
    /// Address of its `task_struct`.
    pub task: u64,
    /// Time that the task had run outside the kernel when the reclaim began: no task returns to
    /// user space within a reclaim.
    pub user_ns: u64,
    /// Times that the task had gone to sleep when the reclaim began (`task_struct.nvcsw`).
    pub sleeps: u64,
}

/// Key of the map `STALLED_TASKS`: a task that is moved to another memcg has a row in each.
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
    /// Number of stalls.
    pub stalls: u64,
    /// Sum of their times.
    pub stall_ns: u64,
    /// The longest stall.
    pub max_ns: u64,
    /// `task_struct.start_time`, which distinguishes the task from a later one with the same
    /// number.
    pub start_ns: u64,
    /// Its name.
    pub comm: [u8; 16],
}

/// The kind of a record in the ring `OOM`.
pub mod oom_kind {
    /// A victim was chosen: [`OomRecord`](super::OomRecord).
    pub const CHOSEN: u64 = 0;
    /// A task dies with the victim before it, for `memory.oom.group`: its record has neither the
    /// limit nor the available pages.
    pub const MEMBER: u64 = 1;
    /// The memory of the memcg whose limit it is: [`OomMemory`](super::OomMemory).
    pub const MEMORY: u64 = 2;
}

/// An OOM kill, in the ring `OOM`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct OomRecord {
    /// Its kind: [`oom_kind`].
    pub kind: u64,
    /// Time of the kill, CLOCK_MONOTONIC.
    pub time_ns: u64,
    /// `css.serial_nr` of the memcg whose limit it is; 0 if the host is out of memory.
    pub limit_serial_nr: u64,
    /// The victim's memcg.
    pub victim_serial_nr: u64,
    /// `oom_control.totalpages`: the available pages.
    pub total_pages: u64,
    /// `oom_control.chosen_points`.
    pub points: i64,
    /// `task_struct.tgid` of the victim.
    pub victim_pid: u32,
    /// Process that found no memory.
    pub pid: u32,
    /// Name of the victim.
    pub victim_comm: [u8; 16],
    /// Name of the process that found no memory.
    pub comm: [u8; 16],
}

/// Memcgs from the victim's to the root that a record has.
pub const OOM_LEVELS: usize = 12;
/// Most counters of a memcg: 74 in 7.2.
pub const OOM_COUNTERS: usize = 96;
/// A figure of [`OomMemory`] that could not be read.
pub const OOM_ABSENT: u64 = u64::MAX;

/// A memcg when its limit, or that of an ancestor, led to a kill. In pages, and [`OOM_ABSENT`]
/// where a figure could not be read.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct OomLevel {
    /// `css.serial_nr`.
    pub serial_nr: u64,
    /// `memory.usage`.
    pub usage: u64,
    /// `memory.max`.
    pub max: u64,
    /// `memory.min`.
    pub min: u64,
    /// `swap.usage`.
    pub swap_usage: u64,
    /// `swap.max`.
    pub swap_max: u64,
}

/// The memory of the memcg whose limit led to a kill, once the kernel has reported the kill to its
/// log and before the victim gets the signal. The counters are the words that the report is made of.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct OomMemory {
    /// [`oom_kind::MEMORY`].
    pub kind: u64,
    /// The time at which the memory was read, CLOCK_MONOTONIC.
    pub time_ns: u64,
    /// Address of the memcg whose limit it is.
    pub limit: u64,
    /// Address of the victim's memcg.
    pub victim: u64,
    /// Swap space of the host, in pages; [`OOM_ABSENT`] where it could not be read.
    pub swap_total: u64,
    /// The part of it that is free.
    pub swap_free: u64,
    /// Changes of counters that are not added up yet (`memcg_vmstats.stats_updates`), in pages;
    /// [`OOM_ABSENT`] where the kernel does not count them.
    pub updates: u64,
    /// Used entries of `levels`.
    pub levels_used: u64,
    /// `css.serial_nr` of the memcg whose limit it is.
    pub limit_serial_nr: u64,
    /// Used bytes of `counters`.
    pub counter_bytes: u64,
    /// The victim's memcg, its parent, and so on: the one whose limit it is among them.
    pub levels: [OomLevel; OOM_LEVELS],
    /// `memcg_vmstats.state`.
    pub counters: [i64; OOM_COUNTERS],
}
