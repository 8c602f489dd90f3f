//! Records of what was left out.

use crate::output::figures::record;

record! {
    /// Rows that `--top` left out of a snapshot.
    pub struct Omitted<'a> {
        /// Type of their records.
        of: &'a str,
        /// How many there are.
        rows: u64,
    }
}

impl<'a> Omitted<'a> {
    #[must_use]
    pub fn new(of: &'a str, rows: u64) -> Self {
        Self { of, rows }
    }
}
