//! Duration histograms: four buckets to each doubling, so that the midpoint of a bucket is at most
//! an eighth off.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Number of buckets: from 256 ns to 18 minutes. Shorter durations are in the first bucket, longer
/// ones in the last.
pub const BUCKETS: usize = 128;
/// The first doubling with buckets of its own, as a power of two in nanoseconds.
const FIRST: u32 = 8;

/// Number of durations in each bucket.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Histogram {
    /// Indexed by bucket.
    pub counts: [u32; BUCKETS],
}

/// The bucket of a duration. Programs and user space sort by it.
#[inline(always)]
#[must_use]
pub const fn bucket_of(ns: u64) -> usize {
    if ns < 1 << FIRST {
        return 0;
    }
    let doubling = 63 - ns.leading_zeros();
    let quarter = (ns >> (doubling - 2)) & 3;
    let bucket = ((doubling - FIRST) as usize) * 4 + quarter as usize;
    if bucket < BUCKETS {
        bucket
    } else {
        BUCKETS - 1
    }
}

/// The midpoint of a bucket, in nanoseconds.
#[must_use]
pub const fn midpoint(bucket: usize) -> u64 {
    let doubling = FIRST + (bucket / 4) as u32;
    let width = 1_u64 << (doubling - 2);
    (4 + (bucket % 4) as u64) * width + width / 2
}
