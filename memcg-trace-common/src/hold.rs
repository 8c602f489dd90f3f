//! What is held, as far as it was seen to be taken: locks, memory that goes offline, and pages of
//! processes that dump core. These events are rare.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::COMM_BYTES;
use crate::times::Times;

/// Time between two looks at who lets go of a lock that others wait for: a stack takes as long as
/// all else that happens to ten waits.
pub const RELEASE_PAUSE_NS: u64 = 10_000_000;

/// Stacks in the map `LOCK_STACKS`.
pub const LOCK_STACKS: u32 = 1024;

/// Key of the map `RELEASES`, which counts.
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
    /// By its readers.
    HotplugRead = 2,
}

impl Held {
    /// All of them, in the order of their index.
    pub const ALL: [Self; 3] = [Self::CgroupMutex, Self::HotplugWrite, Self::HotplugRead];
}

/// Holds that ended, in the per-CPU map `HELD`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct HeldCount {
    /// How many.
    pub holds: u64,
    /// Their time.
    pub hold_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// How long they were.
    pub times: Times,
}

/// No stack, see [`Hold::stack`].
pub const NO_STACK: u64 = u64::MAX;

/// Values of the map `HOLDS`.
pub const HOLD_GROUPS: u32 = 16;
/// Holds that one of them has room for.
pub const HOLD_SLOTS: usize = 64;

/// A value of the map `HOLDS`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct HoldGroup {
    /// Each is free while its `lock` is 0.
    pub slots: [Hold; HOLD_SLOTS],
}

/// A lock that a task asked for and has not let go of: it has it, or waits for it. Who may exit
/// and leave it so, as with a frozen file system, is named; what else the task is, is asked when
/// somebody looks.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Hold {
    /// Address of the lock.
    pub lock: u64,
    /// Address of the `task_struct`; a later one at that address began to live after `asked_ns`.
    pub task: u64,
    /// When it asked.
    pub asked_ns: u64,
    /// Since when it has it, as far as it was seen: when it asked, or its wait ended.
    pub since_ns: u64,
    /// Number of its stack in the map `LOCK_STACKS`, as it asked; [`NO_STACK`] for none.
    pub stack: u64,
    /// Time that the task had run outside the kernel when it asked: nobody gets there with one of
    /// these locks.
    pub user_ns: u64,
    /// How: [`crate::lock::flags`].
    pub flags: u32,
    /// Thread id.
    pub tid: u32,
    /// The task's name.
    pub comm: [u8; COMM_BYTES],
}

/// Values of the map `RELEASED`, a power of two.
pub const RELEASED_SLOTS: u32 = 1024;

/// When a lock was last looked at, in the map `RELEASED`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Released {
    /// Address of the lock.
    pub lock: u64,
    /// When.
    pub at_ns: u64,
}

/// Pages that are remembered of a task that takes memory away.
pub const OFFLINE_PAGES: usize = 4;

/// A page from which on a task that takes memory away tried to move all (`do_migrate_range()`). One
/// that does not go is not always the first: it turns to the next one while the first is on its way
/// back to its list, and returns (mm/memory_hotplug.c: scan_movable_pages()).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct OfflinePage {
    /// Its number; 0 if there is none here.
    pub pfn: u64,
    /// When that was first tried; 0 if that may have been before the probes.
    pub since_ns: u64,
    /// When that was last tried.
    pub last_ns: u64,
    /// How often, since it is remembered.
    pub tries: u64,
}

/// A task that takes memory away, in the map `OFFLINES` by the address of its `task_struct`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Offline {
    /// Its `start_time`, which tells it from a later task at the same address.
    pub start_ns: u64,
    /// When it began (`offline_pages()`); 0 if that was before the probes.
    pub begin_ns: u64,
    /// The number behind its last page, as of the last try.
    pub end_pfn: u64,
    /// From where it tried: whatever was not tried for longest makes room.
    pub pages: [OfflinePage; OFFLINE_PAGES],
}

/// A task that dumps core, in the map `DUMPS` by the address of its `task_struct`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Dump {
    /// As in [`Offline`].
    pub start_ns: u64,
    /// When it began; 0 if that was before the probes.
    pub begin_ns: u64,
    /// The page of its own memory that it took last (`get_dump_page()`); 0 for none yet.
    pub address: u64,
    /// When it took that.
    pub page_ns: u64,
}

/// The process that reads a core from a pipe, in the map `DUMP_HELPERS` by the address of its
/// `task_struct`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct DumpHelper {
    /// As in [`Offline`].
    pub start_ns: u64,
    /// When it was set up (`umh_coredump_setup()`).
    pub begin_ns: u64,
    /// `struct coredump_params` of the dump, which is on the stack of who dumps.
    pub params: u64,
}
