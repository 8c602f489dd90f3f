//! Progress of a guest, shared by its boot and by the reader of its output.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The time of the last step, and the guest's process.
#[derive(Clone, Debug, Default)]
pub struct Pace(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    qemu: Option<u32>,
}

impl Pace {
    /// Notes that QEMU has started, and starts the timeout.
    pub fn start(&self, qemu: u32) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State {
            since: Some(Instant::now()),
            qemu: Some(qemu),
        };
    }

    /// Notes a step, and starts the timeout anew.
    pub fn step(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.since = Some(Instant::now());
    }

    /// The time since the last step.
    pub fn elapsed(&self) -> Duration {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// The processor time of the guest, which does not depend on other load of the machine as a
    /// clock does; `None` without a QEMU.
    pub fn cpu(&self) -> Option<Duration> {
        let qemu = self.0.lock().unwrap_or_else(PoisonError::into_inner).qemu?;
        ticks(&fs::read_to_string(format!("/proc/{qemu}/stat")).ok()?).map(|ticks| {
            let millis = ticks.saturating_mul(1000) / rustix::param::clock_ticks_per_second();
            Duration::from_millis(millis)
        })
    }
}

/// The sum of the ticks in user mode and in the kernel, from `/proc/PID/stat`.
fn ticks(stat: &str) -> Option<u64> {
    // The name before may contain spaces and parentheses.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time() {
        let stat = "12 (a) b (c) S 1 12 12 0 -1 4194560 800 0 0 0 70 5 0 0 20 0 4 0 999 0";
        assert_eq!(ticks(stat), Some(75));
        assert_eq!(ticks("12 (a"), None);
    }
}
