//! Messages for the user on standard error. The dashboard suppresses them while it has the screen.

use std::io::{self, Write as _};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crate::sample::sanitized;
use crate::timings;

/// Detaching that takes longer than this is reported.
const LONG: Duration = Duration::from_secs(1);

/// Verbosity of messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Messages {
    quiet: bool,
    verbose: u8,
}

impl Messages {
    pub(super) fn new(quiet: bool, verbose: u8) -> Self {
        Self { quiet, verbose }
    }

    /// Whether the eBPF programs log, too.
    #[cfg(feature = "live")]
    pub(super) fn is_debug(self) -> bool {
        self.verbose >= 2
    }

    /// Prints why the program ends, in one line.
    pub(super) fn error(self, error: &anyhow::Error) {
        say(&format!("{error:#}"));
    }

    /// Prints a warning.
    pub(super) fn warn(self, message: &str) {
        if !self.quiet {
            say(message);
        }
    }

    /// Detaches from the kernel, and warns if that takes long.
    pub(super) fn while_detaching<T>(self, is_live: bool, act: impl FnOnce() -> T) -> T {
        if !is_live || self.quiet {
            return act();
        }
        std::thread::scope(|scope| {
            let (done, wait) = channel::<()>();
            scope.spawn(move || {
                if wait.recv_timeout(LONG) == Err(RecvTimeoutError::Timeout) {
                    self.warn("detaching: waiting for the kernel to release the probes");
                }
            });
            let outcome = act();
            drop(done);
            outcome
        })
    }

    /// Prints the durations of the steps of this run, with `--timings`.
    pub(super) fn timings(self) {
        if let Some(table) = timings::table() {
            let _ = io::stderr().write_all(table.as_bytes());
        }
    }

    /// Prints a message with `-v`.
    pub(super) fn inform(self, message: &str) {
        if self.verbose > 0 && !self.quiet {
            say(message);
        }
    }
}

/// Prints one line; a closed standard error is ignored, since no message could report it.
fn say(message: &str) {
    let one_line = message.trim_end().replace('\n', "; ");
    let _ = writeln!(io::stderr(), "memcg-trace: {}", sanitized(&one_line));
}
