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

/// The time that so many of a hundred do not exceed, within the width of a class, and never more
/// than the longest; `None` of none. The shortest class comes first.
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
    /// Whether fewer tasks have it than were seen to take it, so that this one may not.
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
