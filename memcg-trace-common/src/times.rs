//! Duration histograms: four classes to each doubling, so that the midpoint of a class is at most
//! an eighth off.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Number of classes: from 256 ns to 18 minutes. Shorter durations are in the first class, longer
/// ones in the last.
pub const CLASSES: usize = 128;
/// The first doubling with classes of its own, as a power of two in nanoseconds.
const FIRST: u32 = 8;

/// Number of durations in each class.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Times {
    /// Indexed by class.
    pub counts: [u32; CLASSES],
}

/// The class of a duration. Programs and user space sort by it.
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

/// The midpoint of a class.
#[must_use]
pub const fn middle_of(class: usize) -> u64 {
    let doubling = FIRST + (class / 4) as u32;
    let width = 1_u64 << (doubling - 2);
    (4 + (class % 4) as u64) * width + width / 2
}
