//! When to ask of itself who waits for whom.

use std::time::{Duration, Instant};

use crate::sample::{Absent, Sample};
use crate::source::Source;
use crate::source::ask::Ask;

/// Parts of the time that asking may take, as one in so many: while somebody waits for long, and
/// else.
const URGENT: u32 = 10;
const CALM: u32 = 100;

/// With the second sample, then as often as the budget allows.
pub(super) struct LockQuestions {
    min_wait_ns: u64,
    /// When it was asked last, and how long that took.
    asked: Option<(Instant, Duration)>,
    has_failed: bool,
    /// Whether there was a sample before.
    has_begun: bool,
}

impl LockQuestions {
    pub(super) fn new(min_wait_ns: u64) -> Self {
        Self {
            min_wait_ns,
            asked: None,
            has_failed: false,
            has_begun: false,
        }
    }

    /// Adds the answer to a sample, if it is time for one; or, once, why there is none. While a
    /// deadlock stands it is asked as often as while somebody is seen to wait: that it is gone is
    /// news, too, and leaves nobody waiting.
    pub(super) fn add_to(&mut self, sample: &mut Sample, source: &mut Source, is_stuck: bool) {
        // The first picture is not kept waiting.
        if !std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        let begin = Instant::now();
        let is_due = self.asked.is_none_or(|(asked, took)| {
            let is_urgent = is_stuck || self.is_urgent(sample);
            let parts = if is_urgent { URGENT } else { CALM };
            begin.duration_since(asked) >= took * parts
        });
        if self.has_failed || !is_due {
            return;
        }
        let answer = source.ask(&Ask::Locks);
        self.asked = Some((begin, begin.elapsed()));
        match answer {
            Ok(Some(answer)) => sample.waits = answer.waits,
            Ok(None) => self.has_failed = true,
            Err(error) => {
                self.has_failed = true;
                sample.absent.push(Absent {
                    section: "waits".to_owned(),
                    reason: format!("{error:#}"),
                });
            }
        }
    }

    /// Whether somebody waits for long.
    fn is_urgent(&self, sample: &Sample) -> bool {
        sample.locks.as_ref().is_some_and(|locks| {
            let mut waits = locks.waits.iter();
            waits.any(|wait| locks.as_of_ns.saturating_sub(wait.since_ns) >= self.min_wait_ns)
        })
    }
}
