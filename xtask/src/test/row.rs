//! A row of the final table.

use std::time::Duration;

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

/// A failed test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub name: String,
    /// What it said, from its panic.
    pub message: Option<String>,
    /// Whether it passed in a second guest, in which no other test ran.
    pub passed_again: bool,
}
