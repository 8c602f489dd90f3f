//! The last rates of slab rows, of those with the highest ones.

use std::collections::VecDeque;
use std::sync::Arc;

use super::slab;
use crate::model::snapshot::{Slab, Snapshot};

/// As many as a wide screen can show.
const MOMENTS: usize = 120;
/// Rows that are kept of each moment.
const ROWS: usize = 256;

/// Charges and uncharges of a row, a second.
#[derive(Clone, Copy, Debug)]
struct Rates {
    identity: u64,
    per_sec: [u64; 2],
}

/// The rates at a moment.
#[derive(Clone, Debug)]
enum Moment {
    /// They are not known.
    Unknown,
    /// Those that are not 0, by identity.
    All(Arc<[Rates]>),
    /// The highest of them.
    Highest(Arc<[Rates]>),
}

/// The rates at the last moments.
#[derive(Clone, Debug, Default)]
pub(super) struct SlabRates {
    moments: VecDeque<Moment>,
}

impl SlabRates {
    pub(super) fn push(&mut self, snapshot: &Snapshot) {
        self.moments.push_back(Moment::of(&snapshot.slab.items));
        if self.moments.len() > MOMENTS {
            self.moments.pop_front();
        }
    }

    /// The first or the second rate of a row, the oldest first.
    pub(super) fn of(&self, row: &Slab, rate: usize) -> Vec<Option<u64>> {
        let identity = slab::identity(row);
        let moments = self.moments.iter();
        moments.map(|moment| moment.rate(identity, rate)).collect()
    }
}

impl Moment {
    fn of(rows: &[Slab]) -> Self {
        let known = rows.iter().filter_map(|row| {
            let per_sec = [row.alloc_per_sec?, row.free_per_sec?];
            Some((row, per_sec.map(rounded)))
        });
        let mut known = known.peekable();
        if known.peek().is_none() {
            return Self::Unknown;
        }
        let known = known.filter(|(_, per_sec)| *per_sec != [0; 2]);
        let mut highest: Vec<(&Slab, [u64; 2])> = known.collect();
        let is_all = highest.len() <= ROWS;
        if !is_all {
            let by_rate =
                |(_, [allocs, frees]): &(&Slab, [u64; 2])| std::cmp::Reverse(*allocs.max(frees));
            highest.select_nth_unstable_by_key(ROWS, by_rate);
            highest.truncate(ROWS);
        }
        let rates = highest.into_iter().map(|(row, per_sec)| Rates {
            identity: slab::identity(row),
            per_sec,
        });
        let mut rates: Vec<Rates> = rates.collect();
        rates.sort_unstable_by_key(|row| row.identity);
        match is_all {
            true => Self::All(rates.into()),
            false => Self::Highest(rates.into()),
        }
    }

    fn rate(&self, identity: u64, rate: usize) -> Option<u64> {
        let (rows, is_all) = match self {
            Self::Unknown => return None,
            Self::All(rows) => (rows, true),
            Self::Highest(rows) => (rows, false),
        };
        match rows.binary_search_by_key(&identity, |row| row.identity) {
            Ok(at) => rows[at].per_sec.get(rate).copied(),
            Err(_) => is_all.then_some(0),
        }
    }
}

/// A rate as a whole number, which is not 0 unless the rate is.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is never negative, and drawn with eight levels"
)]
fn rounded(rate: f64) -> u64 {
    rate.ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Text;

    fn row(cache: &str, rate: Option<f64>) -> Slab {
        Slab {
            memcg: None,
            cache: Arc::new(Text::from(cache)),
            cache_key: 0,
            size_bytes: None,
            held: None,
            alloc_total: None,
            free_total: None,
            alloc_per_sec: rate,
            free_per_sec: rate,
        }
    }

    #[test]
    fn a_row_that_was_left_out_is_not_known_and_not_zero() {
        let one = row("dentry", Some(0.5));
        let all = Moment::of(&[row("filp", Some(9.0)), one.clone()]);
        let rate = |moment: &Moment, row: &Slab| moment.rate(slab::identity(row), 0);
        assert_eq!(rate(&all, &one), Some(1));
        assert_eq!(rate(&all, &row("pid", None)), Some(0));

        let many = (0..300_u32).map(|at| row(&format!("cache-{at}"), Some(1.0 + f64::from(at))));
        let many: Vec<Slab> = many.collect();
        let some = Moment::of(&many);
        assert_eq!(rate(&some, &many[299]), Some(300));
        assert_eq!(rate(&some, &many[0]), None);
        assert_eq!(rate(&Moment::of(&[row("dentry", None)]), &one), None);
        assert_eq!(rate(&Moment::of(&[]), &one), None);
    }
}
