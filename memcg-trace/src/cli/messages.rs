//! What a user should know, on standard error. Nothing is written while the screen is taken.

use std::io::{self, Write as _};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crate::sample::tame;
use crate::timings;

/// After this time a user should know what is being waited for.
const LONG: Duration = Duration::from_secs(1);

/// How much to say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Messages {
    quiet: bool,
    verbose: u8,
}

impl Messages {
    pub(super) fn new(quiet: bool, verbose: u8) -> Self {
        Self { quiet, verbose }
    }

    /// Whether the programs in the kernel should speak as well.
    #[cfg(feature = "live")]
    pub(super) fn is_debug(self) -> bool {
        self.verbose >= 2
    }

    /// Why the program ends, in one line.
    pub(super) fn error(self, error: &anyhow::Error) {
        say(&format!("{error:#}"));
    }

    /// Something that does not end the program.
    pub(super) fn warn(self, message: &str) {
        if !self.quiet {
            say(message);
        }
    }

    /// Lets go of the kernel, and says so if that takes long.
    pub(super) fn while_detaching<T>(self, is_live: bool, act: impl FnOnce() -> T) -> T {
        if !is_live || self.quiet {
            return act();
        }
        std::thread::scope(|scope| {
            let (done, wait) = channel::<()>();
            scope.spawn(move || {
                if wait.recv_timeout(LONG) == Err(RecvTimeoutError::Timeout) {
                    self.warn("detaching: waiting for the kernel to let go of the probes");
                }
            });
            let outcome = act();
            drop(done);
            outcome
        })
    }

    /// Where the time of this run went, if that was asked for.
    pub(super) fn timings(self) {
        if let Some(table) = timings::table() {
            let _ = io::stderr().write_all(table.as_bytes());
        }
    }

    /// Something for those who asked for more.
    pub(super) fn inform(self, message: &str) {
        if self.verbose > 0 && !self.quiet {
            say(message);
        }
    }
}

/// One line; if standard error is gone there is nobody to tell.
fn say(message: &str) {
    let one_line = message.trim_end().replace('\n', "; ");
    let _ = writeln!(io::stderr(), "memcg-trace: {}", tame(&one_line));
}
