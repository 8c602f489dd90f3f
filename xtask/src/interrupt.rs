//! Ctrl-C, SIGTERM and SIGHUP: while a guest runs they end the guest first and then us, so that the
//! terminal is restored and nothing is left behind.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH};
use signal_hook::flag;

/// While this is true, a signal ends the process at once.
static AT_ONCE: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(true)));
static RECEIVED: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);
static RESIZED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Installs the signal handlers. To be called once, before threads are started.
pub fn install() -> Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        flag::register_conditional_default(signal, AT_ONCE.clone())
            .and_then(|_| {
                let number = usize::try_from(signal).unwrap_or_default();
                flag::register_usize(signal, RECEIVED.clone(), number)
            })
            .with_context(|| format!("handle signal {signal}"))?;
    }
    flag::register(SIGWINCH, RESIZED.clone()).context("handle SIGWINCH")?;
    Ok(())
}

/// From here on a signal is only noted; the caller must check [`received`] often.
pub fn hold() {
    AT_ONCE.store(false, Ordering::SeqCst);
}

/// The number of the signal that was received, if any.
pub fn received() -> Option<u8> {
    let signal = RECEIVED.load(Ordering::SeqCst);
    u8::try_from(signal).ok().filter(|signal| *signal != 0)
}

/// Returns whether the size of the terminal's window changed since the last call.
pub fn resized() -> bool {
    RESIZED.swap(false, Ordering::SeqCst)
}
