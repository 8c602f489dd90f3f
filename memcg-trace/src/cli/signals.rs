//! SIGINT, SIGTERM and SIGHUP: end in good order, but end.

use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Time to end in good order. What takes longer is stuck: in a pipe that nobody reads, or in
/// a terminal that was stopped.
const GRACE: Duration = Duration::from_secs(2);

/// Becomes known when the program is asked to end.
#[derive(Clone, Debug)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Catches the signals from now on. They are waited for by a thread of their own, since the
    /// main one may sleep in a write; asked twice, or after a time of grace, that thread ends
    /// the program.
    pub(super) fn on_signals() -> anyhow::Result<Self> {
        let (sender, receiver) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot wait for signals")?;
        let guard = runtime.enter();
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ];
        let mut signals = Vec::new();
        for kind in kinds {
            signals.push(signal(kind).context("cannot wait for signals")?);
        }
        drop(guard);
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    any(&mut signals).await;
                    let _ = sender.send(true);
                    let _ = tokio::time::timeout(GRACE, any(&mut signals[..2])).await;
                    // Changes nothing where the terminal is as it was.
                    let _ = crossterm::terminal::disable_raw_mode();
                    std::process::exit(0);
                });
            })
            .context("cannot wait for signals")?;
        Ok(Self(receiver))
    }

    /// Waits until the program is asked to end.
    pub(super) async fn asked(&mut self) {
        // An error means that the thread is gone, and with it the process.
        let _ = self.0.wait_for(|asked| *asked).await;
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
