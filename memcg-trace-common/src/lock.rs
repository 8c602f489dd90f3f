//! Waits for locks: waits in progress, and sums of finished ones.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::COMM_BYTES;

/// `LCB_F_*` of the contention tracepoints (include/trace/events/lock.h).
pub mod flags {
    /// Spinning: a spinlock, or a mutex that has not gone to sleep yet.
    pub const SPIN: u32 = 1;
    /// For reading.
    pub const READ: u32 = 2;
    /// For writing.
    pub const WRITE: u32 = 4;
    /// A real-time mutex.
    pub const RT: u32 = 8;
    /// A per-CPU rwsem.
    pub const PERCPU: u32 = 16;
    /// A mutex.
    pub const MUTEX: u32 = 32;
    /// Ours: an rwsem, as reported by a slow path instead of a tracepoint.
    pub const RWSEM: u32 = 1 << 31;
}

/// Number of values of the map `WAITS`.
pub const WAIT_GROUPS: u32 = 64;
/// Waits in each value of the map `WAITS`.
pub const WAIT_SLOTS: usize = 128;

/// A value of the map `WAITS`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct WaitGroup {
    /// A slot is free while its `lock` is 0.
    pub slots: [Wait; WAIT_SLOTS],
}

/// A wait in progress: only what cannot be read later. All else about the waiter is read on a
/// query.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Wait {
    /// Address of the lock.
    pub lock: u64,
    /// Start of the wait.
    pub begin_ns: u64,
    /// Time of the last release of the lock while this task was queued for it; 0 if there was none.
    /// Only where no hook sees the end of a wait.
    pub released_ns: u64,
    /// Address of the waiting `task_struct`; a task at that address that started after `begin_ns`
    /// is another one.
    pub task: u64,
    /// Thread id.
    pub tid: u32,
    /// Mode of the wait, as [`flags`].
    pub flags: u32,
}

/// Rows of the map `LOCKS`.
pub const LOCK_ROWS: u32 = 8192;

/// Key of the per-CPU map `LOCKS`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct LockKey {
    /// Address of the lock.
    pub lock: u64,
    /// `css.serial_nr` of the waiter's memcg.
    pub memcg_serial_nr: u64,
    /// [`flags`] without SPIN, READ and WRITE: the lock's kind.
    pub kind: u64,
}

/// Waits that ended since the probes were attached.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct LockCount {
    /// Number of waits.
    pub waits: u64,
    /// Sum of their times.
    pub wait_ns: u64,
    /// The longest wait.
    pub max_ns: u64,
    /// Waits of unknown length (5.10: they ended by spinning).
    pub unmeasured: u64,
}

/// Waits that one run of the resolver reads. The kernel verifies each iteration anew.
pub const RESOLVE_ROWS: usize = 4;

/// A waiter, and whether it still waits.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct WaiterRow {
    /// The wait, as asked. If the wait is in progress, the answer has its present state.
    pub wait: Wait,
    /// Place of the wait: group times [`WAIT_SLOTS`] plus slot, as asked.
    pub slot: u32,
    /// Process id of the waiter.
    pub pid: u32,
    /// Answer: [`WAITER_ENDED`] or [`WAITER_WAITS`].
    pub state: u32,
    /// Thread id of the holder by the lock's owner word; 0 if there is none, or it is unknown.
    pub owner_tid: u32,
    /// `start_time` of the waiter.
    pub start_ns: u64,
    /// `css.serial_nr` of the waiter's memcg; 0 for none.
    pub memcg_serial_nr: u64,
    /// Name of the waiter.
    pub comm: [u8; COMM_BYTES],
    /// Name of the holder.
    pub owner_comm: [u8; COMM_BYTES],
}

/// The wait has ended, and was counted.
pub const WAITER_ENDED: u32 = 0;
/// The wait is in progress as far as is known.
pub const WAITER_WAITS: u32 = 1;

/// Asks for the waiters.
pub const ASK_WHO: u64 = 0;
/// Asks to clear these waits, since they have ended.
pub const ASK_CLOSE: u64 = 1;

/// Question and answer of the resolver of waiters.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct WaiterAsk {
    /// [`ASK_WHO`] or [`ASK_CLOSE`].
    pub what: u64,
    /// Rows to look up.
    pub rows: u64,
    /// The rows.
    pub row: [WaiterRow; RESOLVE_ROWS],
}
