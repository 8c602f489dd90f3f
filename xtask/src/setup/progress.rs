//! Progress messages: the current step, and the state of a download.
#![expect(
    clippy::print_stderr,
    reason = "xtask talks to the person who started it"
)]

use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::termios;

/// Prints a line about a step.
pub fn say(text: &str) {
    eprintln!("setup: {text}");
}

/// Runs `work`, which fills `folder`, and shows meanwhile how much of `bytes` has arrived.
pub fn while_folder_grows<T>(folder: &Path, bytes: u64, what: &str, work: impl FnOnce() -> T) -> T {
    let is_terminal = termios::isatty(io::stderr());
    let interval = Duration::from_secs(if is_terminal { 1 } else { 15 });
    let before = size_of(folder);
    let (done, wait) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut shown = false;
            while let Err(RecvTimeoutError::Timeout) = wait.recv_timeout(interval) {
                let came = size_of(folder).saturating_sub(before);
                let line = format!(
                    "setup: {what}: {} of {} MB",
                    megabytes(came.min(bytes)),
                    megabytes(bytes)
                );
                if is_terminal {
                    let _ = write!(io::stderr(), "\r{line} ");
                    shown = true;
                } else {
                    eprintln!("{line}");
                }
            }
            if shown {
                let _ = write!(io::stderr(), "\r\x1b[K");
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// Megabytes, rounded up, so that a small size is not 0.
pub fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}

fn size_of(folder: &Path) -> u64 {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let meta = entry.metadata().ok()?;
            Some(if meta.is_dir() {
                size_of(&entry.path())
            } else {
                meta.len()
            })
        })
        .sum()
}
