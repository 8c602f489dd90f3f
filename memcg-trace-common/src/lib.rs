//! Types that both sides of the kernel boundary share: map keys, map values, ring records and the
//! resolved [`layout::Layout`]. Everything is `repr(C)`, without padding and valid for any bit
//! pattern, which `zerocopy` checks at compile time; there is no code but what both sides must do
//! alike ([`histogram::bucket_of`]).
//!
//! Names of sizes and counters have their unit; times are CLOCK_MONOTONIC nanoseconds, as of
//! `bpf_ktime_get_ns`.
#![no_std]

pub mod callers;
pub mod histogram;
pub mod hold;
pub mod layout;
pub mod lock;
pub mod loss;
pub mod memcg;
pub mod peek;
pub mod reclaim;
pub mod shrinker;
pub mod slab;
pub mod stack;
pub mod zombie_cost;

/// `TASK_COMM_LEN` of the kernel (include/linux/sched.h), fixed by its user interface.
pub const COMM_BYTES: usize = 16;
