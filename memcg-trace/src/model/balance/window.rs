//! Growth of sums in the last intervals.

use std::collections::VecDeque;

/// Intervals that rules judge.
pub(super) const INTERVALS: usize = 5;

/// The growth of `N` sums.
#[derive(Clone, Debug)]
pub(super) struct Window<const N: usize> {
    sums: Option<[u64; N]>,
    steps: VecDeque<[u64; N]>,
}

impl<const N: usize> Default for Window<N> {
    fn default() -> Self {
        Self {
            sums: None,
            steps: VecDeque::new(),
        }
    }
}

impl<const N: usize> Window<N> {
    /// Takes in the sums as of now. A sum that is less than before has started anew.
    pub(super) fn push(&mut self, sums: [u64; N]) {
        let Some(before) = self.sums.replace(sums) else {
            return;
        };
        let mut step = sums;
        for (step, before) in step.iter_mut().zip(before) {
            *step = step.checked_sub(before).unwrap_or(*step);
        }
        self.steps.push_back(step);
        if self.steps.len() > INTERVALS {
            self.steps.pop_front();
        }
    }

    /// Returns whether all intervals were seen.
    pub(super) fn is_full(&self) -> bool {
        self.steps.len() == INTERVALS
    }

    /// Returns the growth of the sums in all intervals.
    pub(super) fn grown(&self) -> [u64; N] {
        let mut all = [0_u64; N];
        for step in &self.steps {
            for (all, step) in all.iter_mut().zip(step) {
                *all = all.saturating_add(*step);
            }
        }
        all
    }

    /// Returns the growth in each interval, oldest first.
    pub(super) fn steps(&self) -> impl Iterator<Item = &[u64; N]> {
        self.steps.iter()
    }
}
