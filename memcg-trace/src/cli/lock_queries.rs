//! Periodic lock queries, within a budget of time.

use std::time::{Duration, Instant};

use crate::deadlock::State;
use crate::model::snapshot::Snapshot;
use crate::sample::ask::Ask;
use crate::sample::{Absent, Sample};
use crate::source::Source;

/// Inverse of the part of the time that queries may take: without long waits, with long waits, and
/// with long waits that the user watches.
const CALM: u32 = 100;
const URGENT: u32 = 10;
const WATCHED: u32 = 1;

/// Schedule of lock queries: the first at the second sample, then as often as the budget allows.
pub(super) struct LockQueries {
    min_wait_ns: u64,
    urgent: u32,
    /// Whether a missing answer is an error, since nothing else is shown.
    must_answer: bool,
    /// Start of the last query, and the time that it took.
    asked: Option<(Instant, Duration)>,
    has_failed: bool,
    /// Whether there was a sample, or the first sample is to have an answer.
    has_begun: bool,
    /// Whether the last answer had an unresolved deadlock, whose end has to be seen.
    has_deadlock: bool,
}

impl LockQueries {
    /// Queries for one view among others.
    pub(super) fn beside(min_wait_ns: u64) -> Self {
        Self {
            min_wait_ns,
            urgent: URGENT,
            must_answer: false,
            asked: None,
            has_failed: false,
            has_begun: false,
            has_deadlock: false,
        }
    }

    /// Queries for a view of waits only.
    pub(super) fn watching(min_wait_ns: u64) -> Self {
        Self {
            urgent: WATCHED,
            must_answer: true,
            has_begun: true,
            ..Self::beside(min_wait_ns)
        }
    }

    /// Adds an answer to the sample, if one is due; or, once, why there is none.
    ///
    /// # Errors
    /// If the kernel does not answer, and nothing else is shown.
    pub(super) fn add_to(
        &mut self,
        sample: &mut Sample,
        source: &mut Source,
    ) -> anyhow::Result<()> {
        // The first snapshot is not delayed by a query.
        if !std::mem::replace(&mut self.has_begun, true) {
            return Ok(());
        }
        let begin = Instant::now();
        let is_due = self.asked.is_none_or(|(asked, took)| {
            let is_urgent = self.has_deadlock || self.is_urgent(sample);
            let parts = if is_urgent { self.urgent } else { CALM };
            begin.duration_since(asked) >= took * parts
        });
        if self.has_failed || !is_due {
            return Ok(());
        }
        match source.ask(&Ask::Locks) {
            Ok(answer) => {
                sample.waits = answer.and_then(|answer| answer.waits);
                self.has_failed = sample.waits.is_none();
            }
            Err(error) if self.must_answer => return Err(error),
            Err(error) => {
                self.has_failed = true;
                sample.absent.push(Absent {
                    section: "waits".to_owned(),
                    reason: format!("{error:#}"),
                });
            }
        }
        // Only the looks count: the query sleeps between them.
        let looks = sample.waits.iter().flat_map(|waits| &waits.looks);
        let took = looks.map(|look| Duration::from_nanos(look.took_ns)).sum();
        self.asked = Some((begin, took));
        Ok(())
    }

    /// Notes whether the answer has an unresolved deadlock.
    pub(super) fn on_snapshot(&mut self, snapshot: &Snapshot) {
        let mut deadlocks = snapshot.deadlocks.items.iter();
        self.has_deadlock = deadlocks.any(|one| one.found.state != State::Resolved);
    }

    /// Whether a traced wait is long.
    fn is_urgent(&self, sample: &Sample) -> bool {
        sample.locks.as_ref().is_some_and(|locks| {
            let mut waits = locks.waits.iter();
            waits.any(|wait| locks.as_of_ns.saturating_sub(wait.since_ns) >= self.min_wait_ns)
        })
    }
}
