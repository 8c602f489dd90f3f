//! Walks of all slabs in the background, one after the other, within a budget.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use memcg_trace_common::slab::SlabKey;

use crate::kernel::counted::slab::counters::Slabs;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::slabs::Walk;
use crate::sample::slab_walk::SlabWalk;

/// The period whose share of the budget may be saved up, so that a pause is not followed by a
/// burst.
const SAVED: Duration = Duration::from_secs(1);

/// The walker, with the walk in progress.
pub(crate) struct SlabWalker {
    /// The part of one CPU that it may use.
    budget: f64,
    /// Time that may be used now, and when it was last topped up.
    left: Duration,
    since: Instant,
    state: State,
}

enum State {
    Idle,
    /// The walk, with the charges plus uncharges of each key when the walk began.
    Walking(Box<Walk>, Option<HashMap<SlabKey, u64>>),
    /// The walk after all pages were scanned.
    Ended(Box<Walk>, Option<HashMap<SlabKey, u64>>),
}

impl SlabWalker {
    pub(crate) fn new(budget: f64) -> Self {
        Self {
            budget,
            left: Duration::ZERO,
            since: Instant::now(),
            state: State::Idle,
        }
    }

    /// Continues for as long as the budget allows.
    pub(crate) fn advance(
        &mut self,
        reader: &Reader<'_>,
        counted: Option<&Slabs>,
        now_ns: impl Fn() -> u64,
    ) -> Result<(), Unreadable> {
        let passed = self.since.elapsed();
        self.since += passed;
        self.left = (self.left + passed.mul_f64(self.budget)).min(SAVED.mul_f64(self.budget));
        while !self.left.is_zero() {
            let begin = Instant::now();
            match &mut self.state {
                State::Idle => {
                    let walk = Walk::begin(reader, now_ns())?;
                    let before = counted.map(Slabs::events);
                    self.state = State::Walking(Box::new(walk), before);
                }
                State::Walking(walk, _) => {
                    if !walk.step(reader)? {
                        self.end();
                    }
                }
                State::Ended(..) => return Ok(()),
            }
            self.left = self.left.saturating_sub(begin.elapsed());
        }
        Ok(())
    }

    fn end(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Idle) {
            State::Walking(walk, before) => State::Ended(walk, before),
            other => other,
        };
    }

    /// The finished walk, if there is one. The counters must have been read just now: events since
    /// the walk began may be in it or not.
    pub(crate) fn take(
        &mut self,
        reader: &Reader<'_>,
        counted: Option<&Slabs>,
        now_ns: u64,
    ) -> Result<Option<SlabWalk>, Unreadable> {
        let (walk, before) = match std::mem::replace(&mut self.state, State::Idle) {
            State::Ended(walk, before) => (walk, before),
            other => {
                self.state = other;
                return Ok(None);
            }
        };
        let events = before.zip(counted).map(|(before, counted)| {
            let mut events = counted.events();
            for (key, count) in &mut events {
                // A counter that went backwards was removed and made anew.
                let at_first = before.get(key).copied().unwrap_or(0);
                *count = count.checked_sub(at_first).unwrap_or(*count);
            }
            events.retain(|_, count| *count > 0);
            events
        });
        let begin = Instant::now();
        let (found, _) = walk.finish(reader, now_ns, events.as_ref())?;
        self.left = self.left.saturating_sub(begin.elapsed());
        Ok(Some(found))
    }
}
