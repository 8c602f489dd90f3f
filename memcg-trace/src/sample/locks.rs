//! Waits for locks, as events count them.

use serde::{Deserialize, Serialize};

use super::{LockHold, LockRelease, LockTimes, Mode, Resource, Task};

/// Waits for locks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Locks {
    /// The time of reading the counters.
    pub as_of_ns: u64,
    /// Waits in progress.
    pub waits: Vec<LockWait>,
    /// Waits that ended since the start.
    pub counts: Vec<LockCount>,
    /// Histograms of their durations, by lock.
    pub times: Vec<LockTimes>,
    /// Releases of locks that others waited for; `None` where that is not observed.
    pub releases: Option<Vec<LockRelease>>,
    /// Holds of locks, where they are traced.
    pub holds: Vec<LockHold>,
}

/// A task that waits for a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockWait {
    /// The waiter.
    pub task: Task,
    /// The lock.
    pub resource: Resource,
    /// The mode that it asks for.
    pub mode: Mode,
    /// Its start, CLOCK_MONOTONIC.
    pub since_ns: u64,
    /// The owner of the lock, by its owner word.
    pub owner: Option<Task>,
    /// Whether its task ran when it was read, so that the wait may be over.
    pub unconfirmed: bool,
}

/// Waits for one lock by the tasks of one memcg that ended since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockCount {
    /// The lock.
    pub resource: Resource,
    /// The waiters' memcg.
    pub memcg_serial_nr: Option<u64>,
    /// Their number.
    pub waits_total: u64,
    /// The sum of their durations.
    pub wait_ns_total: u64,
    /// The longest.
    pub max_ns: u64,
    /// The number of waits without a known duration, which add nothing to `wait_ns_total`.
    pub unmeasured_total: u64,
}
