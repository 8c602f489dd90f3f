//! The last rates of the selected row, since it was selected.

use std::collections::VecDeque;

/// As many as a wide screen can show.
const VALUES: usize = 120;

/// The last values of some rates of one row.
#[derive(Clone, Debug, Default)]
pub(super) struct RowTrend {
    identity: Option<u64>,
    last_ns: u64,
    values: VecDeque<[Option<u64>; 2]>,
}

impl RowTrend {
    /// Adds the rates of a row at a moment. Those of another row, and of later moments, are
    /// forgotten.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is never negative, and drawn with eight levels"
    )]
    pub(super) fn push(&mut self, identity: u64, mono_ns: u64, rates: [Option<f64>; 2]) {
        if self.identity != Some(identity) || mono_ns < self.last_ns {
            self.values.clear();
        } else if mono_ns == self.last_ns {
            return;
        }
        (self.identity, self.last_ns) = (Some(identity), mono_ns);
        self.values
            .push_back(rates.map(|rate| rate.map(|rate| rate as u64)));
        if self.values.len() > VALUES {
            self.values.pop_front();
        }
    }

    /// The values of the first or the second rate, the oldest first.
    pub(super) fn values(&self, rate: usize) -> Vec<Option<u64>> {
        let values = self.values.iter();
        values
            .map(|rates| rates.get(rate).copied().flatten())
            .collect()
    }
}
