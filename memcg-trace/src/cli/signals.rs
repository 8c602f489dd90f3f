//! SIGINT, SIGTERM, SIGQUIT and SIGHUP: an orderly end, by force if need be.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::capabilities::give_up_attaching;
use super::screen;

/// Time for an orderly end. Longer means that the program is blocked: on a pipe that nobody reads,
/// or on a stopped terminal.
const GRACE: Duration = Duration::from_secs(2);

/// Tells all parts of the program that a signal asked it to end.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    asked: watch::Receiver<bool>,
    /// The exit code of an end by force.
    code: Arc<AtomicU8>,
}

impl Stop {
    /// Catches the signals from now on. A thread of its own waits for them, since the main thread
    /// may sleep in a write or in the kernel. After a second signal, or after a time of grace, that
    /// thread restores the terminal and ends the program with `code`.
    pub(super) fn on_signals(code: u8) -> anyhow::Result<Self> {
        let (sender, asked) = watch::channel(false);
        let stop = Self {
            asked,
            code: Arc::new(AtomicU8::new(code)),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot wait for signals")?;
        let guard = runtime.enter();
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::quit(),
            SignalKind::hangup(),
        ];
        let mut signals = Vec::new();
        for kind in kinds {
            signals.push(signal(kind).context("cannot wait for signals")?);
        }
        drop(guard);
        let code = Arc::clone(&stop.code);
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                // It attaches nothing. Without the right to give up it waits as well.
                let _ = give_up_attaching();
                runtime.block_on(async {
                    any(&mut signals).await;
                    let _ = sender.send(true);
                    let _ = tokio::time::timeout(GRACE, any(&mut signals[..3])).await;
                    screen::give_back_by_force();
                    std::process::exit(code.load(Ordering::Relaxed).into());
                });
            })
            .context("cannot wait for signals")?;
        Ok(stop)
    }

    /// Sets the exit code of an end by force.
    pub(super) fn exits_with(&self, code: u8) {
        self.code.store(code, Ordering::Relaxed);
    }

    /// Whether the program was asked to end.
    pub(super) fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Waits until the program is asked to end.
    pub(super) async fn asked(&mut self) {
        // An error means that the thread is gone, and with it the process.
        let _ = self.asked.wait_for(|asked| *asked).await;
    }
}

async fn any(signals: &mut [Signal]) {
    std::future::poll_fn(|context| {
        if signals
            .iter_mut()
            .any(|signal| signal.poll_recv(context).is_ready())
        {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}
