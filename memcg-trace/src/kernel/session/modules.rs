//! Names of modules that came after the symbols were read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Kernel;
use crate::kernel::debugger::reader::is_kernel_address;

/// Between two readings of the symbols, at least: their file is long.
const PAUSE: Duration = Duration::from_secs(10);

/// The last time that symbols were read anew.
pub(super) struct Reread {
    at: Instant,
    /// The newest module then.
    newest: u64,
}

impl Kernel {
    /// Reads the symbols anew if a module is there that they do not know. The kernel puts the
    /// newest first (kernel/module/main.c: add_unformed_module()), so that one word tells; asking
    /// `/proc/modules` would wait for the lock of whoever loads one.
    pub(super) fn refresh_symbols(&mut self) {
        let is_due = |last: &Reread| last.at.elapsed() >= PAUSE;
        if !self.reread.as_ref().is_none_or(is_due) {
            return;
        }
        let Some(newest) = self.newest_module() else {
            return;
        };
        // Where symbols of data are left out, it is not known either way.
        let was_read = self.reread.as_ref().map(|last| last.newest) == Some(newest);
        if was_read || self.symbols.has_module(newest) {
            return;
        }
        match self.symbols.again() {
            Ok(symbols) => self.symbols = Arc::new(symbols),
            Err(error) => log::info!("read /proc/kallsyms: {error}"),
        }
        self.reread = Some(Reread {
            at: Instant::now(),
            newest,
        });
    }

    /// Where the link of the newest module is; `None` if there is none.
    fn newest_module(&mut self) -> Option<u64> {
        let head = self.symbols.address("modules")?;
        let reader = self.reader().ok()?;
        let newest = reader.word_at(head).ok()?;
        (newest != head && is_kernel_address(newest)).then_some(newest)
    }
}
