//! SIGINT, SIGTERM, SIGQUIT and SIGHUP: end in good order, but end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::screen;

/// Time to end in good order. What takes longer is stuck: in a pipe that nobody reads, or in
/// a terminal that was stopped.
const GRACE: Duration = Duration::from_secs(2);

/// Becomes known when the program is asked to end.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    asked: watch::Receiver<bool>,
    /// The exit code if it has to be ended.
    code: Arc<AtomicU8>,
}

impl Stop {
    /// Catches the signals from now on. They are waited for by a thread of their own, since the
    /// main one may sleep in a write or in the kernel; asked twice, or after a time of grace, that
    /// thread gives the terminal back and ends the program with `code`.
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

    /// What to exit with from now on, if the program has to be ended.
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
