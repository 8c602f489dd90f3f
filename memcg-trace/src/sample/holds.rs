//! Durations of waits for locks, and holds and releases of locks.

use serde::{Deserialize, Serialize};

use super::{Mode, Task};

/// A bucket of a duration histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TimeClass {
    /// The midpoint of the bucket: each duration is at most an eighth longer or shorter.
    pub about_ns: u64,
    /// The count since the start.
    pub count_total: u64,
}

/// Returns the percentile, within the width of a bucket and at most `max_ns`; `None` if the
/// histogram is empty. `classes` must be sorted, the shortest first.
#[must_use]
pub fn percentile(classes: &[TimeClass], percent: u64, max_ns: u64) -> Option<u64> {
    let count = |class: &TimeClass| u128::from(class.count_total);
    let all: u128 = classes.iter().map(count).sum();
    let mut sum = 0;
    let class = classes.iter().find(|class| {
        sum += count(class);
        sum > 0 && sum * 100 >= all * u128::from(percent)
    });
    class.map(|class| class.about_ns.min(max_ns))
}

/// Durations of the waits for one lock that ended, as far as they were measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockTimes {
    /// Address of the lock.
    pub addr: u64,
    /// Buckets, the shortest first.
    pub classes: Vec<TimeClass>,
}

/// A place in the code that released a lock while others waited. Sampled: at most one a millisecond
/// and lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockRelease {
    /// Address of the lock.
    pub addr: u64,
    /// Functions, the innermost first.
    pub stack: Vec<String>,
    /// Sampled releases since the start.
    pub seen_total: u64,
}

/// Holds of a lock in one mode, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockHold {
    /// Address of the lock.
    pub addr: u64,
    /// The mode.
    pub mode: Mode,
    /// Holds that ended.
    pub holds_total: u64,
    /// The sum of their durations, each from the request for the lock or, where the end of the wait
    /// was seen, from that.
    pub hold_ns_total: u64,
    /// The longest.
    pub max_ns: u64,
    /// Buckets of their durations, the shortest first.
    pub classes: Vec<TimeClass>,
    /// The tasks that hold it now.
    pub holders: Vec<LockHolder>,
}

/// A task that has a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockHolder {
    /// The task.
    pub task: Task,
    /// The start of the hold, CLOCK_MONOTONIC.
    pub since_ns: u64,
    /// Functions in which the task took the lock, the innermost first; empty if they are not known.
    pub stack: Vec<String>,
    /// Whether fewer tasks hold the lock than were seen to take it, so that this one may not hold
    /// it.
    pub unconfirmed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_class_that_enough_are_in_or_below() {
        let class = |about_ns, count_total| TimeClass {
            about_ns,
            count_total,
        };
        let classes = [class(10, 98), class(50, 1), class(90, 1)];
        assert_eq!(percentile(&classes, 50, 95), Some(10));
        assert_eq!(percentile(&classes, 99, 95), Some(50));
        assert_eq!(percentile(&classes, 100, 85), Some(85));
        assert_eq!(percentile(&[], 50, 85), None);
        assert_eq!(percentile(&[class(10, 0)], 50, 85), None);
    }
}
