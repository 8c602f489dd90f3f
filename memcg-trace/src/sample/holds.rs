//! How long waits for locks were, and how locks are held and let go of.

use serde::{Deserialize, Serialize};

use super::{Mode, Task};

/// So many of about one length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TimeClass {
    /// The middle of the class: each is at most an eighth longer or shorter.
    pub about_ns: u64,
    /// How many, since the start.
    pub count_total: u64,
}

/// How long waits for one lock lasted that ended, as far as they were measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockTimes {
    /// Address of the lock.
    pub addr: u64,
    /// The shortest first.
    pub classes: Vec<TimeClass>,
}

/// A place at which a lock was let go of that others waited for. Samples: one a millisecond and
/// lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockRelease {
    /// Address of the lock.
    pub addr: u64,
    /// Functions, the innermost first.
    pub stack: Vec<String>,
    /// How often it was seen since the start.
    pub seen_total: u64,
}

/// How a lock was held in one mode, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockHold {
    /// Address of the lock.
    pub addr: u64,
    /// How.
    pub mode: Mode,
    /// Holds that ended.
    pub holds_total: u64,
    /// Their time, from when they were asked for or, where it was seen to end, the wait had ended.
    pub hold_ns_total: u64,
    /// The longest.
    pub max_ns: u64,
    /// How long they lasted, the shortest first.
    pub classes: Vec<TimeClass>,
    /// Who has it now.
    pub holders: Vec<LockHolder>,
}

/// A task that has a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockHolder {
    /// Who.
    pub task: Task,
    /// Since when, CLOCK_MONOTONIC.
    pub since_ns: u64,
    /// Where it took it: functions, the innermost first; empty if that is not known.
    pub stack: Vec<String>,
}
