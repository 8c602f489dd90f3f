//! Logs of hooks and eBPF programs on standard error, for `-v`.

use std::io::{self, Write as _};

use log::{LevelFilter, Log, Metadata, Record};

use crate::sample::sanitized;

struct Stderr;

static STDERR: Stderr = Stderr;

/// Enables the log: decisions and messages of the verifier with `-v`, all messages with `-vv`,
/// those of the eBPF programs included. Not to be called while the screen is taken.
pub(super) fn listen(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::Off,
        1 => LevelFilter::Info,
        2 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    // It fails only if a logger is set already.
    if log::set_logger(&STDERR).is_ok() {
        log::set_max_level(level);
    }
}

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let level = record.level().as_str().to_ascii_lowercase();
        for line in record.args().to_string().lines() {
            // A closed standard error is ignored, since no message could report it.
            let _ = writeln!(io::stderr(), "memcg-trace: {level}: {}", sanitized(line));
        }
    }

    fn flush(&self) {}
}
