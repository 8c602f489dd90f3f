//! What is held, as far as it was seen to be taken: locks, memory that goes offline, and pages of
//! processes that dump core. These events are rare.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Key of the map `HOLDS`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct HoldKey {
    /// Address of the lock.
    pub lock: u64,
    /// Address of the `task_struct`.
    pub task: u64,
}

/// A lock that a task asked for and has not let go of: it has it, or waits for it.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Hold {
    /// The task's `start_time`, which tells it from a later task at the same address.
    pub start_ns: u64,
    /// When it asked.
    pub asked_ns: u64,
    /// How: [`crate::lock::flags`].
    pub flags: u32,
    /// Thread id.
    pub tid: u32,
}

/// A task that takes memory away, in the map `OFFLINES` by the address of its `task_struct`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Offline {
    /// As in [`Hold`].
    pub start_ns: u64,
    /// When it began (`offline_pages()`); 0 if that was before the probes.
    pub begin_ns: u64,
    /// The first page that has still to be moved, by its number (`do_migrate_range()`).
    pub pfn: u64,
    /// When that page was first tried; 0 if that was before the probes.
    pub pfn_ns: u64,
    /// How often it was tried since.
    pub tries: u64,
}

/// A task that dumps core, in the map `DUMPS` by the address of its `task_struct`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Dump {
    /// As in [`Hold`].
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
    /// As in [`Hold`].
    pub start_ns: u64,
    /// When it was set up (`umh_coredump_setup()`).
    pub begin_ns: u64,
    /// `struct coredump_params` of the dump, which is on the stack of who dumps.
    pub params: u64,
}
