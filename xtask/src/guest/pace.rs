//! How a guest gets on, shared by its boot and by whoever reads its output.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Since when nothing was done, and which process is the guest.
#[derive(Clone, Debug, Default)]
pub struct Pace(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    qemu: Option<u32>,
}

impl Pace {
    /// QEMU has started; the time until a timeout begins.
    pub fn start(&self, qemu: u32) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State {
            since: Some(Instant::now()),
            qemu: Some(qemu),
        };
    }

    /// Something was done, and the time until a timeout begins anew.
    pub fn step(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.since = Some(Instant::now());
    }

    /// The time since the last step.
    pub fn elapsed(&self) -> Duration {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// The processor time that the guest has had, unlike a clock's the same beside other work;
    /// `None` while there is no QEMU.
    pub fn cpu(&self) -> Option<Duration> {
        let qemu = self.0.lock().unwrap_or_else(PoisonError::into_inner).qemu?;
        ticks(&fs::read_to_string(format!("/proc/{qemu}/stat")).ok()?).map(|ticks| {
            let millis = ticks.saturating_mul(1000) / rustix::param::clock_ticks_per_second();
            Duration::from_millis(millis)
        })
    }
}

/// Those in user mode and in the kernel, of a `/proc/PID/stat`.
fn ticks(stat: &str) -> Option<u64> {
    // The name before may have spaces and parentheses.
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
