//! Modules that were loaded after the symbols were read.

use std::time::{Duration, Instant};

use super::reader::{Reader, is_kernel_address};
use crate::kernel::host::symbols::Symbol;

/// The least time between two readings of the symbols: their file is long.
const PAUSE: Duration = Duration::from_secs(10);

/// The last re-reading of the symbols.
pub(super) struct Reread {
    at: Instant,
    /// The newest module at that time.
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

/// The address of the newest module's link; `None` if there is no module. The kernel puts the
/// newest first (kernel/module/main.c: add_unformed_module()), so that one word suffices; reading
/// `/proc/modules` would wait for the lock of any task that loads a module.
pub(super) fn newest_module(reader: &Reader<'_>) -> Option<u64> {
    let head = reader.symbol(Symbol::Modules).ok()?;
    let newest = reader.word_at(head).ok()?;
    (newest != head && is_kernel_address(newest)).then_some(newest)
}
