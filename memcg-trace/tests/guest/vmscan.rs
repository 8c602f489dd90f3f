//! The kernel's own trace of reclaim, as text.

use std::fs;
use std::path::PathBuf;

use crate::traces::TRACING;

/// A trace of vmscan events, in a large buffer of its own.
pub struct Trace(PathBuf);

impl Trace {
    pub fn start(events: &[&str]) -> Self {
        let trace = Self(PathBuf::from(TRACING).join("instances/guest-test"));
        fs::create_dir(&trace.0).unwrap();
        trace.set("buffer_size_kb", "8192");
        trace.set("options/overwrite", "0");
        for event in events {
            trace.set(&format!("events/vmscan/{event}/enable"), "1");
        }
        trace
    }

    fn set(&self, file: &str, value: &str) {
        fs::write(self.0.join(file), value).unwrap_or_else(|error| panic!("{file}: {error}"));
    }

    /// The whole trace, one line an event.
    pub fn stop(self) -> String {
        self.set("tracing_on", "0");
        self.set("events/enable", "0");
        for cpu in fs::read_dir(self.0.join("per_cpu")).unwrap() {
            let stats = fs::read_to_string(cpu.unwrap().path().join("stats")).unwrap();
            assert!(
                stats.contains("dropped events: 0") && stats.contains("overrun: 0"),
                "{stats}"
            );
        }
        fs::read_to_string(self.0.join("trace")).unwrap()
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}
