//! Losses in proportion to what was counted.

use super::{Counted, Snapshot};

/// Figures are shown with three digits, so a smaller share than one in `ONE_IN` changes none.
pub const ONE_IN: u64 = 1000;

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
