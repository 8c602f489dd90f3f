//! Sums of what was counted, by subject.

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
    pub(super) fn beside(self, place: &str) -> Option<u64> {
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
