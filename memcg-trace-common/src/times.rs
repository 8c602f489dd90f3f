//! How long things took, in classes: four of them to each doubling, so that the middle of a class
//! is at most an eighth off.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Classes: from 256 ns to 18 minutes. What is shorter is in the first, what is longer in the
/// last.
pub const CLASSES: usize = 128;
/// The first doubling that is told apart.
const FIRST: u32 = 8;

/// How many there were of each class.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Times {
    /// By class.
    pub counts: [u32; CLASSES],
}

/// The class of a time. Both sides sort by it.
#[inline(always)]
#[must_use]
pub const fn class_of(ns: u64) -> usize {
    if ns < 1 << FIRST {
        return 0;
    }
    let doubling = 63 - ns.leading_zeros();
    let quarter = (ns >> (doubling - 2)) & 3;
    let class = ((doubling - FIRST) as usize) * 4 + quarter as usize;
    if class < CLASSES { class } else { CLASSES - 1 }
}

/// The middle of a class.
#[must_use]
pub const fn middle_of(class: usize) -> u64 {
    let doubling = FIRST + (class / 4) as u32;
    let width = 1_u64 << (doubling - 2);
    (4 + (class % 4) as u64) * width + width / 2
}
