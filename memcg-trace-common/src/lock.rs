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

/// Values of the map `WAITS`.
pub const WAIT_GROUPS: u32 = 64;
/// Waits that one of them has room for.
pub const WAIT_SLOTS: usize = 128;

/// A value of the map `WAITS`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct WaitGroup {
    /// Each is free while its `lock` is 0.
    pub slots: [Wait; WAIT_SLOTS],
}

/// A wait that goes on: only what nobody can tell later. Who waits is asked when somebody looks.
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
    /// Address of the waiting `task_struct`; a later one at that address began to live after
    /// `begin_ns`.
    pub task: u64,
    /// Thread id.
    pub tid: u32,
    /// What [`flags`] say of it.
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
    /// How many.
    pub waits: u64,
    /// Their time.
    pub wait_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// How many of them have no known length (5.10: they ended by spinning).
    pub unmeasured: u64,
}

/// Waits that one run of the resolver looks at. The kernel verifies each one anew.
pub const RESOLVE_ROWS: usize = 4;

/// Who waits, and whether still.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct WaiterRow {
    /// The wait, as asked. If it goes on, the answer has it as it is now.
    pub wait: Wait,
    /// Where it is: group times [`WAIT_SLOTS`] and slot, as asked.
    pub slot: u32,
    /// Process id of who waits.
    pub pid: u32,
    /// Answer: [`WAITER_ENDED`] or [`WAITER_GOES_ON`].
    pub state: u32,
    /// Thread id of who has the lock by its owner word; 0 if there is none, or it is not known.
    pub owner_tid: u32,
    /// `start_time` of who waits.
    pub start_ns: u64,
    /// `css.serial_nr` of its memcg; 0 for none.
    pub memcg_serial_nr: u64,
    /// Its name.
    pub comm: [u8; COMM_BYTES],
    /// The owner's.
    pub owner_comm: [u8; COMM_BYTES],
}

/// The wait is over, and was counted.
pub const WAITER_ENDED: u32 = 0;
/// The wait is in progress as far as is known.
pub const WAITER_GOES_ON: u32 = 1;

/// To say who waits.
pub const ASK_WHO: u64 = 0;
/// To forget these waits: they are over.
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
