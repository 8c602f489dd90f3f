//! Holds whose start was seen: of locks, of memory that goes offline, and of pages of processes
//! that dump core. These events are rare.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::COMM_BYTES;
use crate::histogram::Histogram;

/// Time between two samples of the releases of a contended lock: one stack takes as long as
/// everything else that happens to ten waits.
pub const RELEASE_PAUSE_NS: u64 = 10_000_000;

/// Stacks in the map `LOCK_STACKS`.
pub const LOCK_STACKS: u32 = 1024;

/// Key of the map `RELEASES`, whose values are counts.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ReleaseKey {
    /// Address of the lock.
    pub lock: u64,
    /// Number of the stack in the map `LOCK_STACKS`; [`NO_STACK`] if it has none.
    pub stack: u64,
}

/// Locks whose holds are added up; the index into the map `HELD`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// `cgroup_mutex`, if all locks and unlocks are traced.
    CgroupMutex = 0,
    /// `mem_hotplug_lock`, by writers.
    HotplugWrite = 1,
    /// `mem_hotplug_lock`, by readers.
    HotplugRead = 2,
}

impl Held {
    /// All locks, in the order of their index.
    pub const ALL: [Self; 3] = [Self::CgroupMutex, Self::HotplugWrite, Self::HotplugRead];
}

/// Holds that ended, in the per-CPU map `HELD`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct HeldCount {
    /// Number of holds.
    pub holds: u64,
    /// Sum of their times.
    pub hold_ns: u64,
    /// The longest hold.
    pub max_ns: u64,
    /// Durations of the holds.
    pub times: Histogram,
}

/// No stack, see [`Hold::stack`].
pub const NO_STACK: u64 = u64::MAX;

/// Number of values of the map `HOLDS`.
pub const HOLD_GROUPS: u32 = 16;
/// Holds in each value of the map `HOLDS`.
pub const HOLD_SLOTS: usize = 64;

/// A value of the map `HOLDS`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct HoldGroup {
    /// A slot is free while its `lock` is 0.
    pub slots: [Hold; HOLD_SLOTS],
}

/// A lock that a task asked for and has not released: the task holds the lock, or waits for it. The
/// name of the task is kept, since a task may exit and leave the lock held, as with a frozen file
/// system; all else about the task is read on a query.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Hold {
    /// Address of the lock.
    pub lock: u64,
    /// Address of the `task_struct`; a task at that address that started after `asked_ns` is
    /// another one.
    pub task: u64,
    /// Time of the task's request, CLOCK_MONOTONIC.
    pub asked_ns: u64,
    /// Time at which the task got the lock: its request, or the end of its wait if that was seen.
    pub since_ns: u64,
    /// Number of its stack in the map `LOCK_STACKS` when it asked; [`NO_STACK`] for none.
    pub stack: u64,
    /// Time that the task had run outside the kernel when it asked: no task returns to user space
    /// with one of these locks.
    pub user_ns: u64,
    /// Mode of the lock, as [`crate::lock::flags`].
    pub flags: u32,
    /// Thread id.
    pub tid: u32,
    /// The task's name.
    pub comm: [u8; COMM_BYTES],
}

/// Number of values of the map `RELEASED`, a power of two.
pub const RELEASED_SLOTS: u32 = 1024;

/// The last sample of a lock, in the map `RELEASED`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Released {
    /// Address of the lock.
    pub lock: u64,
    /// Time of the sample.
    pub at_ns: u64,
}

/// Pages that are remembered of a task that offlines memory.
pub const OFFLINE_PAGES: usize = 4;

/// Start of a range of pages that a task which offlines memory tried to migrate
/// (`do_migrate_range()`). The page that fails is not always the first: the task tries the next
/// page while the first is on its way back to its list, and returns (mm/memory_hotplug.c:
/// scan_movable_pages()).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct OfflinePage {
    /// Page frame number; 0 in a free entry.
    pub pfn: u64,
    /// Time of the first try; 0 if that may have been before the probes.
    pub since_ns: u64,
    /// Time of the last try.
    pub last_ns: u64,
    /// Number of tries since the page is remembered.
    pub tries: u64,
}

/// A task that offlines memory, in the map `OFFLINES` by the address of its `task_struct`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Offline {
    /// Its `start_time`, which distinguishes the task from a later one at the same address.
    pub start_ns: u64,
    /// Start of the offlining (`offline_pages()`); 0 if that was before the probes.
    pub begin_ns: u64,
    /// The page frame number after its last page, as of the last try.
    pub end_pfn: u64,
    /// Pages that were tried: the entry not tried for the longest time is replaced.
    pub pages: [OfflinePage; OFFLINE_PAGES],
}

/// A task that dumps core, in the map `DUMPS` by the address of its `task_struct`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Dump {
    /// As in [`Offline`].
    pub start_ns: u64,
    /// Start of the dump; 0 if that was before the probes.
    pub begin_ns: u64,
    /// The page of its own memory that it took last (`get_dump_page()`); 0 for none yet.
    pub address: u64,
    /// Time at which the task took that page, CLOCK_MONOTONIC.
    pub page_ns: u64,
}

/// The process that reads a core from a pipe, in the map `DUMP_HELPERS` by the address of its
/// `task_struct`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct DumpHelper {
    /// As in [`Offline`].
    pub start_ns: u64,
    /// Time at which the process was set up (`umh_coredump_setup()`).
    pub begin_ns: u64,
    /// `struct coredump_params` of the dump, which is on the stack of the dumping task.
    pub params: u64,
}
