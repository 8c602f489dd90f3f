//! What the two sides of the kernel boundary share: map keys, map values, ring records and the
//! resolved [`layout::Layout`]. Everything is `repr(C)`, without padding and valid for any bit
//! pattern, which `zerocopy` checks at compile time; nothing here does any work but what both
//! must do alike ([`times::class_of`]).
//!
//! Sizes and counters are in the unit that their name says; times are CLOCK_MONOTONIC
//! nanoseconds, as `bpf_ktime_get_ns` gives them.
#![no_std]

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
pub mod tax;
pub mod times;

/// `TASK_COMM_LEN` of the kernel (include/linux/sched.h), fixed by its user interface.
pub const COMM_BYTES: usize = 16;
