//! Times of the tests of a guest, measured by when each name is printed.

use std::time::{Duration, Instant};

use crate::guest::pace::Pace;

/// The name for the time before the first test.
const BOOT: &str = "(boot)";

/// A test that has ended, or the boot.
#[derive(Clone, Debug)]
pub struct Time {
    pub name: String,
    pub took: Duration,
    /// The processor time of the whole guest during the test.
    pub cpu: Duration,
}

/// The times of one guest.
pub struct Times {
    pace: Pace,
    ended: Vec<Time>,
    current: Option<Current>,
}

struct Current {
    name: String,
    begin: Instant,
    cpu: Duration,
}

impl Times {
    /// The times of a guest whose QEMU is about to start.
    pub fn new(pace: Pace) -> Self {
        let current = Current {
            name: BOOT.into(),
            begin: Instant::now(),
            cpu: Duration::ZERO,
        };
        Self {
            pace,
            ended: Vec::new(),
            current: Some(current),
        }
    }

    /// Notes the start of a line, as far as it has arrived; returns true if it starts a test or
    /// ends the last one.
    pub fn see(&mut self, line: &[u8]) -> bool {
        let line = String::from_utf8_lossy(line);
        let next = line
            .strip_prefix("test ")
            .and_then(|rest| rest.split_once(" ... "))
            .map(|(name, _)| name);
        if next.is_none() && !line.starts_with("test result: ") {
            return false;
        }
        // A QEMU that has exited can no longer be asked.
        let cpu = self.pace.cpu().unwrap_or_default();
        if let Some(Current {
            name,
            begin,
            cpu: before,
        }) = self.current.take()
        {
            self.ended.push(Time {
                name,
                took: begin.elapsed(),
                cpu: cpu.saturating_sub(before),
            });
        }
        self.pace.step();
        self.current = next.map(|name| Current {
            name: name.to_owned(),
            begin: Instant::now(),
            cpu,
        });
        true
    }

    /// The test that has started and not ended.
    pub fn running(&self) -> Option<&str> {
        self.current.as_ref().map(|current| &*current.name)
    }

    pub fn ended(&self) -> &[Time] {
        &self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_begins_a_test_and_ends_the_one_before() {
        let mut times = Times::new(Pace::default());
        let names = |times: &Times| -> Vec<_> {
            let ended = times.ended().iter();
            ended.map(|time| time.name.clone()).collect()
        };
        assert!(!times.see(b"running 2 tests"));
        assert!(!times.see(b"test a::b"));
        assert_eq!(times.running(), Some("(boot)"));
        assert!(times.see(b"test a::b ... what it prints"));
        assert_eq!(times.running(), Some("a::b"));
        assert!(!times.see(b"ok"));
        assert!(times.see(b"test c ... "));
        assert_eq!(names(&times), ["(boot)", "a::b"]);
        assert!(times.see(b"test result: ok."));
        assert_eq!(names(&times), ["(boot)", "a::b", "c"]);
        assert_eq!(times.running(), None);
    }
}
