//! Exit codes of the program.

/// Success, or a stream that was ended.
pub(super) const DONE: u8 = 0;
/// An error, or there was no sample.
pub(super) const ERROR: u8 = 1;
/// This host cannot be traced.
pub(super) const CANNOT_TRACE: u8 = 3;
/// The condition of `--fail-on` is met.
pub(super) const FOUND: u8 = 4;
/// The condition of `--fail-on` could not be decided.
pub(super) const UNDECIDED: u8 = 5;
