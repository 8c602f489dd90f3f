//! How many lasted how long: sums of the kernel's rows, and what one in so many is longer than.

use memcg_trace_common::reclaim::{BUCKETS, Times, bucket_begin_ns};

/// Lengths of time, by bucket.
#[derive(Clone, Debug)]
pub(super) struct Lengths([u64; BUCKETS]);

impl Default for Lengths {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl Lengths {
    /// Adds those of a row.
    pub(super) fn add(&mut self, times: &Times) {
        for (sum, count) in self.0.iter_mut().zip(times.buckets) {
            *sum += u64::from(count);
        }
    }

    /// What `percent` of them are no longer than: the middle of its bucket, which is at most an
    /// eighth off, and never more than the longest. `None` if there are fewer lengths here than
    /// were counted elsewhere: then some are missing.
    pub(super) fn percentile(&self, percent: u64, counted: u64, max_ns: u64) -> Option<u64> {
        let all: u64 = self.0.iter().sum();
        if all == 0 || all < counted {
            return None;
        }
        let rank = (u128::from(all) * u128::from(percent)).div_ceil(100);
        let mut below = 0;
        let bucket = self.0.iter().position(|count| {
            below += u128::from(*count);
            below >= rank
        })?;
        let begin = bucket_begin_ns(bucket);
        let middle = begin.midpoint(bucket_begin_ns(bucket + 1));
        Some(middle.min(max_ns.max(begin)))
    }
}

#[cfg(test)]
mod tests {
    use memcg_trace_common::reclaim::bucket_of;

    use super::*;

    #[test]
    fn buckets_are_where_they_say() {
        for bucket in 1..BUCKETS {
            let begin = bucket_begin_ns(bucket);
            assert_eq!(bucket_of(begin), bucket);
            assert_eq!(bucket_of(begin - 1), bucket - 1);
            let width = bucket_begin_ns(bucket + 1) - begin;
            assert!(width * 4 <= begin, "{bucket}");
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
        assert_eq!(bucket_of(0), 0);
    }

    #[test]
    fn percentiles_are_within_an_eighth() {
        let mut lengths = Lengths::default();
        let mut times = Times {
            buckets: [0; BUCKETS],
        };
        for ns in (1..=1000).map(|us| us * 1000) {
            times.buckets[bucket_of(ns)] += 1;
        }
        lengths.add(&times);
        for (percent, exact) in [(50, 500_000), (99, 990_000)] {
            let told = lengths.percentile(percent, 1000, 1_000_000).unwrap();
            assert!(told.abs_diff(exact) * 8 <= exact, "{percent}: {told}");
        }
        assert_eq!(lengths.percentile(50, 1001, 1_000_000), None);
        assert_eq!(Lengths::default().percentile(50, 0, 0), None);
    }
}
