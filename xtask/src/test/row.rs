//! A row of the final table.

use std::time::Duration;

use super::failures::Failure;
use super::times::Time;

/// A step, and its result.
#[derive(Default)]
pub struct Row {
    /// `host`, or the kernel.
    pub(super) place: String,
    pub(super) step: String,
    pub(super) passed: u64,
    pub(super) failed: u64,
    /// The reason, where the counts do not tell.
    pub(super) note: Option<String>,
    pub(super) took: Duration,
    /// Times of the tests of a guest.
    pub(super) tests: Vec<Time>,
    /// Tests of a guest that failed, at least at first.
    pub(super) failures: Vec<Failure>,
}
