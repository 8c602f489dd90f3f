//! Growth of a sum in each of the last intervals.

use std::collections::VecDeque;

/// The number of intervals that are remembered.
const INTERVALS: usize = 16;

/// A sum, and its recent growth.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    sum: Option<u64>,
    steps: VecDeque<u64>,
}

impl Recent {
    /// Takes in the sum as of now, and returns its growth. A sum that is less than before was
    /// dropped by the kernel's map and started anew. The first sum has no growth, unless it
    /// `is_new` since the sample before.
    pub(super) fn push(&mut self, sum: u64, is_new: bool) -> u64 {
        let before = self.sum.replace(sum);
        let step = match before {
            Some(before) => sum.checked_sub(before).unwrap_or(sum),
            None if is_new => sum,
            None => return 0,
        };
        self.steps.push_back(step);
        if self.steps.len() > INTERVALS {
            self.steps.pop_front();
        }
        step
    }

    /// Returns the growth in each interval, oldest first.
    pub(super) fn steps(&self) -> Vec<u64> {
        self.steps.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_grows_by_the_difference() {
        let mut recent = Recent::default();
        assert_eq!(recent.push(10, false), 0);
        assert_eq!(recent.push(15, false), 5);
        assert_eq!(recent.push(3, false), 3);
        assert_eq!(recent.steps(), [5, 3]);
        assert_eq!(Recent::default().push(7, true), 7);
    }
}
