//! Modules that came after the symbols were read.

use std::time::{Duration, Instant};

use super::reader::{Reader, is_kernel_address};
use crate::kernel::host::symbols::Symbol;

/// Between two readings of the symbols, at least: their file is long.
const PAUSE: Duration = Duration::from_secs(10);

/// The last time that symbols were read anew.
pub(super) struct Reread {
    at: Instant,
    /// The newest module then.
    pub(super) newest: u64,
}

impl Reread {
    pub(super) fn now(newest: u64) -> Self {
        Self {
            at: Instant::now(),
            newest,
        }
    }

    pub(super) fn is_due(&self) -> bool {
        self.at.elapsed() >= PAUSE
    }
}

/// Where the link of the newest module is; `None` if there is none. The kernel puts the newest
/// first (kernel/module/main.c: add_unformed_module()), so that one word tells; asking
/// `/proc/modules` would wait for the lock of whoever loads one.
pub(super) fn newest_module(reader: &Reader<'_>) -> Option<u64> {
    let head = reader.symbol(Symbol::Modules).ok()?;
    let newest = reader.word_at(head).ok()?;
    (newest != head && is_kernel_address(newest)).then_some(newest)
}
