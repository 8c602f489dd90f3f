//! Waits for locks that are traced: those in progress, those that ended, and how locks are held.

use std::sync::Arc;

use super::MemcgId;
use crate::sample::{self, Mode, Resource, Task};

/// Ended waits for one lock.
#[derive(Clone, Debug, PartialEq)]
pub struct LockStats {
    /// Which.
    pub resource: Resource,
    /// How many.
    pub waits_total: u64,
    /// Their time.
    pub wait_ns_total: u64,
    /// Half of those that were measured were no longer, within an eighth; `None` without any, or
    /// where that is not known.
    pub p50_ns: Option<u64>,
    /// The same for 99 of 100.
    pub p99_ns: Option<u64>,
    /// The longest.
    pub max_ns: u64,
    /// How many of them have no known length, and add nothing to the time.
    pub unmeasured_total: u64,
    /// Whose tasks waited, longest sum first.
    pub memcgs: Vec<LockMemcg>,
    /// Who let go of it while others waited, the most frequent first; `None` where that is not
    /// observed.
    pub releases: Option<Vec<Release>>,
    /// How it was held, by mode; none where that is not traced.
    pub held: Vec<LockHeld>,
}

/// A place at which a lock was let go of that others waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Functions, the innermost first.
    pub stack: Vec<String>,
    /// How often it was seen: one a millisecond at most.
    pub seen_total: u64,
}

/// How a lock was held in one mode.
#[derive(Clone, Debug, PartialEq)]
pub struct LockHeld {
    /// How.
    pub mode: Mode,
    /// Holds that ended.
    pub holds_total: u64,
    /// Their time.
    pub hold_ns_total: u64,
    /// As in [`LockStats`].
    pub p50_ns: Option<u64>,
    /// As in [`LockStats`].
    pub p99_ns: Option<u64>,
    /// The longest.
    pub max_ns: u64,
    /// Who has it now, the longest first.
    pub holders: Vec<LockHolder>,
}

/// A task that has a lock.
#[derive(Clone, Debug, PartialEq)]
pub struct LockHolder {
    /// Who.
    pub task: Task,
    /// Its memcg.
    pub memcg: Option<Arc<MemcgId>>,
    /// Since when, CLOCK_MONOTONIC.
    pub since_ns: u64,
    /// Where it took it, the innermost function first; empty if that is not known.
    pub stack: Vec<String>,
    /// Whether fewer tasks have it than were seen to take it, so that this one may not.
    pub unconfirmed: bool,
}

/// Ended waits for one lock by the tasks of one memcg.
#[derive(Clone, Debug, PartialEq)]
pub struct LockMemcg {
    /// Whose; `None` if that could not be read.
    pub memcg: Option<Arc<MemcgId>>,
    /// How many.
    pub waits_total: u64,
    /// Their time.
    pub wait_ns_total: u64,
    /// The longest.
    pub max_ns: u64,
    /// How many of them have no known length.
    pub unmeasured_total: u64,
}

/// A task that waits for a lock, as events say.
#[derive(Clone, Debug, PartialEq)]
pub struct LockWait {
    /// Its memcg.
    pub memcg: Option<Arc<MemcgId>>,
    /// Who waits for what, and since when.
    pub facts: sample::LockWait,
    /// How long, as of the section's `as_of_ns`.
    pub waited_ns: u64,
}
