//! Messages to systemd, where it started this program: ready, and still alive.

use sd_notify::NotifyState;

/// What systemd is told.
pub(super) struct Notify {
    is_ready: bool,
    has_watchdog: bool,
}

impl Notify {
    /// Whether to tell is in the environment.
    pub(super) fn new() -> Self {
        Self {
            is_ready: false,
            has_watchdog: sd_notify::watchdog_enabled().is_some(),
        }
    }

    /// Tells that there is a new snapshot. That nobody listens is no error.
    pub(super) fn on_snapshot(&mut self) {
        if !std::mem::replace(&mut self.is_ready, true) {
            let _ = sd_notify::notify(&[NotifyState::Ready]);
        }
        if self.has_watchdog {
            let _ = sd_notify::notify(&[NotifyState::Watchdog]);
        }
    }

    /// Tells that the program ends.
    pub(super) fn on_end(&self) {
        if self.is_ready {
            let _ = sd_notify::notify(&[NotifyState::Stopping]);
        }
    }
}
