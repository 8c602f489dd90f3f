//! The last values of the figures that the overview draws.

use std::collections::VecDeque;

use crate::model::snapshot::Snapshot;
use crate::output::verdicts::Subject;
use crate::tui::slab_rates::SlabRates;

/// The number of values that are kept: some minutes, and as many as a wide screen can show.
const VALUES: usize = 240;

/// The last values that pictures show.
#[derive(Clone, Debug, Default)]
pub struct Trends {
    /// A figure of each subject, in the order of `Subject::ALL`.
    values: [VecDeque<Option<u64>>; Subject::ALL.len()],
    /// The last periodic sample: answers in between are no values of their own.
    last_ns: Option<u64>,
    /// Rates of rows of slab.
    pub(in crate::tui) slab: SlabRates,
}

impl Trends {
    /// Adds the figures of a snapshot.
    pub fn push(&mut self, snapshot: &Snapshot) {
        let least_ns = snapshot.interval_ns.unwrap_or(0) / 2;
        let since_ns = self
            .last_ns
            .map(|last| snapshot.mono_ns.saturating_sub(last));
        if since_ns.is_some_and(|since_ns| since_ns < least_ns) {
            return;
        }
        self.last_ns = Some(snapshot.mono_ns);
        self.slab.push(snapshot);
        for (values, subject) in self.values.iter_mut().zip(Subject::ALL) {
            values.push_back(subject.figure(snapshot));
            if values.len() > VALUES {
                values.pop_front();
            }
        }
    }

    /// The last values of a subject's figure, at most so many, the oldest first.
    pub(super) fn last(&self, subject: Subject, count: usize) -> Vec<Option<u64>> {
        let values = Subject::ALL.into_iter().zip(&self.values);
        let mut values = values.filter(|(one, _)| *one == subject);
        let values = values.next().map(|(_, values)| values);
        let skipped = values.map_or(0, |values| values.len().saturating_sub(count));
        values
            .into_iter()
            .flatten()
            .skip(skipped)
            .copied()
            .collect()
    }
}
