//! Traced waits for locks, in progress and ended, and holds of locks.

use std::sync::Arc;

use super::MemcgId;
use crate::sample::{self, Mode, Resource, Task, TimeClass};

/// Ended waits for one lock.
#[derive(Clone, Debug, PartialEq)]
pub struct LockStats {
    /// The lock.
    pub resource: Resource,
    /// Their number.
    pub waits_total: u64,
    /// The sum of their durations.
    pub wait_ns_total: u64,
    /// The median of the measured waits, within an eighth; `None` without any, or where it is not
    /// known.
    pub p50_ns: Option<u64>,
    /// The 99th percentile, likewise.
    pub p99_ns: Option<u64>,
    /// The longest.
    pub max_ns: u64,
    /// The measured waits by how long they took, the shortest first; empty where that is not known.
    pub classes: Vec<TimeClass>,
    /// The number of waits without a known duration, which add nothing to the sum.
    pub unmeasured_total: u64,
    /// The memcgs whose tasks waited, longest sum first.
    pub memcgs: Vec<LockMemcg>,
    /// Places that released it while others waited, the most frequent first; `None` where that is
    /// not observed.
    pub releases: Option<Vec<Release>>,
    /// Holds by mode; empty where they are not traced.
    pub held: Vec<LockHeld>,
}

/// A place in the code that released a lock while others waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Functions, the innermost first.
    pub stack: Vec<String>,
    /// Sampled releases: one a millisecond at most.
    pub seen_total: u64,
}

/// Holds of a lock in one mode.
#[derive(Clone, Debug, PartialEq)]
pub struct LockHeld {
    /// The mode.
    pub mode: Mode,
    /// Holds that ended.
    pub holds_total: u64,
    /// The sum of their durations.
    pub hold_ns_total: u64,
    /// As in [`LockStats`].
    pub p50_ns: Option<u64>,
    /// As in [`LockStats`].
    pub p99_ns: Option<u64>,
    /// The longest.
    pub max_ns: u64,
    /// The tasks that hold it now, the longest first.
    pub holders: Vec<LockHolder>,
}

/// A task that has a lock.
#[derive(Clone, Debug, PartialEq)]
pub struct LockHolder {
    /// The task.
    pub task: Task,
    /// Its memcg.
    pub memcg: Option<Arc<MemcgId>>,
    /// The start of the hold, CLOCK_MONOTONIC.
    pub since_ns: u64,
    /// Functions in which the task took the lock, the innermost first; empty if they are not known.
    pub stack: Vec<String>,
    /// Whether fewer tasks hold the lock than were seen to take it, so that this one may not hold
    /// it.
    pub unconfirmed: bool,
}

/// Ended waits for one lock by the tasks of one memcg.
#[derive(Clone, Debug, PartialEq)]
pub struct LockMemcg {
    /// The memcg; `None` if it could not be read.
    pub memcg: Option<Arc<MemcgId>>,
    /// Their number.
    pub waits_total: u64,
    /// The sum of their durations.
    pub wait_ns_total: u64,
    /// The longest.
    pub max_ns: u64,
    /// The number of waits without a known duration.
    pub unmeasured_total: u64,
}

/// A traced wait of a task for a lock.
#[derive(Clone, Debug, PartialEq)]
pub struct LockWait {
    /// Its memcg.
    pub memcg: Option<Arc<MemcgId>>,
    /// The wait as sampled.
    pub facts: sample::LockWait,
    /// The duration so far, as of the section's `as_of_ns`.
    pub waited_ns: u64,
}
