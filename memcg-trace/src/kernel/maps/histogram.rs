//! Duration histograms and percentiles.

use memcg_trace_common::histogram::{BUCKETS, Histogram, midpoint};

use crate::sample::{TimeClass, percentile};

/// The sum of many histograms.
#[derive(Clone, Debug)]
pub(crate) struct DurationHistogram([u64; BUCKETS]);

impl Default for DurationHistogram {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl DurationHistogram {
    /// Adds the counts of a row.
    pub(crate) fn add(&mut self, times: &Histogram) {
        for (sum, count) in self.0.iter_mut().zip(times.counts) {
            *sum += u64::from(count);
        }
    }

    /// Adds another histogram.
    pub(crate) fn add_all(&mut self, others: &Self) {
        for (sum, count) in self.0.iter_mut().zip(others.0) {
            *sum += count;
        }
    }

    /// Subtracts an earlier state of a row.
    pub(crate) fn subtract(&mut self, times: &Histogram) {
        for (sum, count) in self.0.iter_mut().zip(times.counts) {
            *sum = sum.saturating_sub(u64::from(count));
        }
    }

    /// About the longest duration: the midpoint of its bucket; `None` if there are none.
    pub(crate) fn longest(&self) -> Option<u64> {
        self.0.iter().rposition(|count| *count > 0).map(midpoint)
    }

    /// The duration that `percent` of them do not exceed: the midpoint of its bucket, which is at
    /// most an eighth off, and never more than the longest. `None` if the histogram has fewer durations
    /// than were counted elsewhere: then some are missing.
    pub(crate) fn percentile(&self, percent: u64, counted: u64, max_ns: u64) -> Option<u64> {
        let all: u64 = self.0.iter().sum();
        (all >= counted).then(|| percentile(&buckets(&self.0), percent, max_ns))?
    }
}

/// The buckets whose count is not zero.
pub(crate) fn buckets(counts: &[u64; BUCKETS]) -> Vec<TimeClass> {
    let counts = counts.iter().enumerate();
    let used = counts.filter(|(_, count)| **count != 0);
    used.map(|(bucket, count)| TimeClass {
        about_ns: midpoint(bucket),
        count_total: *count,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use memcg_trace_common::histogram::bucket_of;

    use super::*;

    #[test]
    fn percentiles_are_within_an_eighth() {
        let mut durations = DurationHistogram::default();
        let mut times = Histogram {
            counts: [0; BUCKETS],
        };
        for ns in (1..=1000).map(|us| us * 1000) {
            times.counts[bucket_of(ns)] += 1;
        }
        durations.add(&times);
        for (percent, exact) in [(50, 500_000), (99, 990_000)] {
            let told = durations.percentile(percent, 1000, 1_000_000).unwrap();
            assert!(told.abs_diff(exact) * 8 <= exact, "{percent}: {told}");
        }
        assert_eq!(durations.percentile(50, 1001, 1_000_000), None);
        assert_eq!(DurationHistogram::default().percentile(50, 0, 0), None);
    }

    #[test]
    fn the_midpoint_of_a_bucket_is_at_most_an_eighth_off() {
        let mut ns: u64 = 256;
        while ns < 1 << 39 {
            let about_ns = midpoint(bucket_of(ns));
            assert!(about_ns.abs_diff(ns) <= ns / 8, "{ns} is about {about_ns}");
            assert_eq!(bucket_of(about_ns), bucket_of(ns));
            ns += ns / 37 + 1;
        }
        assert_eq!((bucket_of(0), bucket_of(255)), (0, 0));
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }
}
