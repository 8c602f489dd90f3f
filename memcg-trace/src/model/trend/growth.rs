//! Growth of the zombies of one origin, from the findings of each walk.

use std::collections::VecDeque;

/// Zombies come and go: one counts only if it is still pinned this long after a walk first found it
/// pinned. Less than the usual interval, and more than the workers of the kernel, RCU and a CPU's
/// stock of charges take to release one without holders.
pub(super) const GRACE_NS: u64 = 800_000_000;

/// Two walks of the usual interval, the least that can answer.
const FAST_NS: u64 = 2_000_000_000;
/// More than chance leaves behind in two walks.
const FAST_GROWTH: u64 = 3;

/// Slower growth shows in ten minutes, or ten walks: a service that is restarted every minute.
const SLOW_NS: u64 = 600_000_000_000;
const SLOW_WALKS: u64 = 10;
/// The number of walks that must find growth, so that a single burst does not count.
const SLOW_STEPS: usize = 5;
const SLOW_GROWTH: u64 = 5;

/// Walks without growth after which the growth has stopped.
const QUIET_WALKS: u64 = 5;
/// The same as a multiple of the average time between two walks that found growth.
const QUIET_GAPS: u64 = 3;

/// Remembered steps of one origin.
const MAX_STEPS: usize = 1024;

/// The changes of one origin at a walk, and in the events before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// The time of the walk.
    pub(super) at_ns: u64,
    /// Memcgs made.
    pub(super) births: u64,
    /// Memcgs taken offline.
    pub(super) deaths: u64,
    /// Zombies that are pinned, and were not at the walk before.
    pub(super) fresh: u64,
    /// Zombies that have come to stay.
    pub(super) grown: u64,
    /// Zombies that were pinned and went before they counted.
    pub(super) vanished: u64,
    /// Zombies that had come to stay and have gone.
    pub(super) gone: u64,
}

impl Step {
    fn is_empty(&self) -> bool {
        let Self { at_ns, .. } = *self;
        *self
            == Self {
                at_ns,
                ..Self::default()
            }
    }
}

/// The steps of one origin.
#[derive(Debug, Default)]
pub(super) struct Steps {
    steps: VecDeque<Step>,
    /// The step that the next walk closes.
    pub(super) now: Step,
}

/// Growth in the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Begin {
    /// The time of the first step with growth.
    pub(super) first_ns: u64,
    /// The sum of all steps.
    pub(super) sum: Step,
}

impl Steps {
    /// Closes the step of a walk, `gap_ns` after the one before, and returns it.
    pub(super) fn close(&mut self, at_ns: u64, gap_ns: u64) -> Step {
        let step = Step {
            at_ns,
            ..std::mem::take(&mut self.now)
        };
        if !step.is_empty() {
            self.steps.push_back(step);
        }
        let window_ns = SLOW_NS.max(gap_ns.saturating_mul(SLOW_WALKS));
        let is_old = |step: &Step| at_ns.saturating_sub(step.at_ns) > window_ns;
        while self.steps.len() > MAX_STEPS || self.steps.front().is_some_and(is_old) {
            self.steps.pop_front();
        }
        step
    }

    /// Returns whether all steps are empty.
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.now.is_empty()
    }

    /// Forgets all closed steps.
    pub(super) fn clear(&mut self) {
        self.steps.clear();
    }

    /// Returns the growth, if there is any as of the last step.
    pub(super) fn growth(&self, gap_ns: u64) -> Option<Begin> {
        let last = self.steps.back()?;
        if last.grown == 0 {
            return None;
        }
        let fast_ns = FAST_NS.max(gap_ns.saturating_mul(2));
        let since = |ns: u64| {
            let steps = self.steps.iter();
            steps.filter(move |step| last.at_ns.saturating_sub(step.at_ns) < ns)
        };
        let fast = sum(since(fast_ns));
        // A single burst is no growth: more zombies must have come since.
        let is_growing = sum(since(GRACE_NS)).fresh > 0;
        let is_fast = is_growing
            && fast.grown >= FAST_GROWTH.saturating_add(fast.gone)
            && fast.grown >= fast.vanished;
        let slow = sum(self.steps.iter());
        let grew = self.steps.iter().filter(|step| step.grown > 0);
        let is_slow = grew.count() >= SLOW_STEPS
            && slow.grown >= SLOW_GROWTH.saturating_add(slow.gone)
            && slow.grown / 2 >= slow.gone;
        if !is_fast && !is_slow {
            return None;
        }
        let mut steps = self.steps.iter();
        let first = steps.find(|step| step.fresh > 0 || step.grown > 0)?;
        Some(Begin {
            first_ns: first.at_ns,
            sum: slow,
        })
    }

    /// Returns whether growth that was last seen at `last_ns`, and has been seen `times` times
    /// since `first_ns`, has stopped.
    pub(super) fn has_stopped(
        now_ns: u64,
        gap_ns: u64,
        (first_ns, last_ns): (u64, u64),
        times: u64,
    ) -> bool {
        let average_ns = last_ns.saturating_sub(first_ns) / times.max(1);
        let quiet_ns = gap_ns
            .saturating_mul(QUIET_WALKS)
            .max(average_ns.saturating_mul(QUIET_GAPS));
        now_ns.saturating_sub(last_ns) > quiet_ns
    }
}

fn sum<'a>(steps: impl Iterator<Item = &'a Step>) -> Step {
    steps.fold(Step::default(), |sum, step| Step {
        at_ns: step.at_ns,
        births: sum.births.saturating_add(step.births),
        deaths: sum.deaths.saturating_add(step.deaths),
        fresh: sum.fresh.saturating_add(step.fresh),
        grown: sum.grown.saturating_add(step.grown),
        vanished: sum.vanished.saturating_add(step.vanished),
        gone: sum.gone.saturating_add(step.gone),
    })
}
