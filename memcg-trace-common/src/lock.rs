//! Waits for locks: those that last, and the sums of those that ended.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::COMM_BYTES;

/// `LCB_F_*` of the contention tracepoints (include/trace/events/lock.h).
pub mod flags {
    /// Spinning: a spinlock, or a mutex that has not gone to sleep yet.
    pub const SPIN: u32 = 1;
    /// Wants to read.
    pub const READ: u32 = 2;
    /// Wants to write.
    pub const WRITE: u32 = 4;
    /// A real-time mutex.
    pub const RT: u32 = 8;
    /// A per-CPU rwsem.
    pub const PERCPU: u32 = 16;
    /// A mutex.
    pub const MUTEX: u32 = 32;
    /// Ours: an rwsem, where a slow path says so and not a tracepoint.
    pub const RWSEM: u32 = 1 << 31;
}

/// A wait that goes on, keyed by task id in the map `WAITS`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Wait {
    /// Address of the lock.
    pub lock: u64,
    /// When it began.
    pub begin_ns: u64,
    /// When the lock was last let go of while this task stood in the list of its waiters; 0 if
    /// it was not. Only where no hook sees the end of a wait.
    pub released_ns: u64,
    /// Address of the waiting `task_struct`.
    pub task: u64,
    /// Its `start_time`, which tells it from a later task at the same address.
    pub start_ns: u64,
    /// Its context switches (`nvcsw + nivcsw`) when the wait began.
    pub switches: u64,
    /// `css.serial_nr` of its memcg.
    pub memcg_serial_nr: u64,
    /// The owner word of the lock when the wait began; 0 where it has none.
    pub owner: u64,
    /// What [`flags`] say of it.
    pub flags: u32,
    /// Process id.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// Thread id of the owner; 0 if unknown.
    pub owner_tid: u32,
    /// The waiter's name.
    pub comm: [u8; COMM_BYTES],
    /// The owner's.
    pub owner_comm: [u8; COMM_BYTES],
}

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
    /// How many.
    pub waits: u64,
    /// Their time.
    pub wait_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// How many of them have no known length (5.10: they ended by spinning).
    pub unmeasured: u64,
}

/// Waits that one run of the resolver looks at.
pub const RESOLVE_ROWS: usize = 64;

/// Whether a task still stands in the list of a lock's waiters.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct WaiterRow {
    /// Address of the lock, as asked.
    pub lock: u64,
    /// Address of the `task_struct`, as asked.
    pub task: u64,
    /// [`flags`] of the wait, as asked.
    pub flags: u64,
    /// Answer: 1 it does, 0 it does not, [`WAITER_UNKNOWN`] the list is too long or unreadable.
    pub waits: u64,
}

/// See [`WaiterRow::waits`].
pub const WAITER_UNKNOWN: u64 = 2;

/// Question and answer of the resolver of waiters.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct WaiterAsk {
    /// Rows to look up.
    pub rows: u64,
    /// The rows.
    pub row: [WaiterRow; RESOLVE_ROWS],
}
