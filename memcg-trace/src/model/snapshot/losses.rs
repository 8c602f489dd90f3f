//! Losses in proportion to what was counted.

use super::Snapshot;

/// Figures are shown with three digits, so a smaller share than one in `ONE_IN` changes none.
pub const ONE_IN: u64 = 1000;

/// Counts since the start, by subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Slab objects charged and uncharged.
    pub slab: u64,
    /// Calls of shrinkers.
    pub shrinkers: u64,
    /// Waits for reclaim, and visits of it.
    pub reclaim: u64,
    /// Waits for locks that ended.
    pub locks: u64,
}

impl Counted {
    /// Returns the larger of both counts: rows that are dropped take their sums with them.
    #[must_use]
    pub(in crate::model) fn at_least(self, other: Self) -> Self {
        Self {
            slab: self.slab.max(other.slab),
            shrinkers: self.shrinkers.max(other.shrinkers),
            reclaim: self.reclaim.max(other.reclaim),
            locks: self.locks.max(other.locks),
        }
    }

    /// Returns the sum over all subjects.
    #[must_use]
    pub fn all(self) -> u64 {
        let parts = [self.slab, self.shrinkers, self.reclaim, self.locks];
        parts.into_iter().fold(0, u64::saturating_add)
    }

    /// Returns the count that a loss at `place` is compared with; `None` where each loss matters,
    /// for births, deaths and kills are rare.
    fn beside(self, place: &str) -> Option<u64> {
        let subject = place.split_once('_').map_or(place, |(subject, _)| subject);
        match subject {
            "slab" => Some(self.slab),
            "shrinker" => Some(self.shrinkers),
            "reclaim" => Some(self.reclaim),
            "lock" => Some(self.locks),
            "missed" | "times" => Some(self.all()),
            _ => None,
        }
    }
}

impl Snapshot {
    /// Returns the sums of its rows.
    #[must_use]
    pub(in crate::model) fn counted_by_rows(&self) -> Counted {
        let sum = |figures: &mut dyn Iterator<Item = u64>| figures.fold(0, u64::saturating_add);
        let slab = self.slab.items.iter();
        let mut slab = slab
            .flat_map(|row| [row.alloc_total, row.free_total])
            .flatten();
        let shrinkers = self.shrinkers.items.iter();
        let mut shrinkers = shrinkers.filter_map(|row| row.count.calls_total);
        let reclaim = self.reclaim.items.iter();
        let mut reclaim = reclaim.flat_map(|row| [row.count.stalls_total, row.count.visits_total]);
        let mut locks = self.lock_stats.items.iter().map(|row| row.waits_total);
        Counted {
            slab: sum(&mut slab),
            shrinkers: sum(&mut shrinkers),
            reclaim: sum(&mut reclaim),
            locks: sum(&mut locks),
        }
    }

    /// Returns whether the losses are large enough to change a shown figure.
    #[must_use]
    pub fn has_lost_much(&self) -> bool {
        self.losses.iter().any(|loss| {
            let lost = loss.lost_total.unwrap_or(0);
            let of = self.counted.beside(&loss.place).unwrap_or(0);
            lost > of / ONE_IN
        })
    }
}
