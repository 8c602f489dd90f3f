//! Messages to systemd, where it started this program: ready, and still alive.

use std::env;
use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The way to systemd, and what it wants to know.
pub(super) struct Notify {
    /// `None` where nobody wants to know.
    systemd: Option<(UnixDatagram, SocketAddr)>,
    is_ready: bool,
    has_watchdog: bool,
}

impl Notify {
    /// Whether to tell is in the environment.
    pub(super) fn new() -> Self {
        let name = env::var_os("NOTIFY_SOCKET");
        let pid = env::var("WATCHDOG_PID")
            .ok()
            .and_then(|pid| pid.parse().ok());
        Self {
            systemd: name.and_then(|name| open(&name)),
            is_ready: false,
            has_watchdog: env::var_os("WATCHDOG_USEC").is_some()
                && pid.is_none_or(|pid: u32| pid == std::process::id()),
        }
    }

    /// Tells that there is a new snapshot. That nobody listens is no error.
    pub(super) fn on_snapshot(&mut self) {
        if !std::mem::replace(&mut self.is_ready, true) {
            self.tell("READY=1");
        }
        if self.has_watchdog {
            self.tell("WATCHDOG=1");
        }
    }

    /// Tells that the program ends.
    pub(super) fn on_end(&self) {
        if self.is_ready {
            self.tell("STOPPING=1");
        }
    }

    fn tell(&self, what: &str) {
        if let Some((socket, systemd)) = &self.systemd {
            let _ = socket.send_to_addr(what.as_bytes(), systemd);
        }
    }
}

/// A socket that drops messages rather than wait: systemd reads none while it is itself a member of
/// a deadlock, which is when this program has to continue.
fn open(name: &OsString) -> Option<(UnixDatagram, SocketAddr)> {
    let systemd = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(name),
    };
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    Some((socket, systemd.ok()?))
}
