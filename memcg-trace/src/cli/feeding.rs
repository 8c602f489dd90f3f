//! The thread that feeds the dashboard.

use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context as _, anyhow};
use tokio::sync::{mpsc, watch};

use super::feed::Feed;
use crate::model::snapshot::Snapshot;
use crate::sample::ask::{Ask, NOT_RECORDED};
use crate::tui::{Travel, Visit};
use crate::units;

pub(super) const FEED_DIED: &str = "the thread that waits for the kernel has died";

/// A message from the feed.
pub(super) enum Fed {
    /// The next periodic snapshot, and the oldest moment that is kept.
    Snapshot(Arc<Snapshot>, Option<u64>),
    /// A snapshot with the answer to a question.
    Answer(Ask, Arc<Snapshot>),
    /// The reason why a question has no answer.
    Unanswered(Ask, String),
    /// Another moment.
    Visit(Box<Visit>),
    /// A message for the user.
    Message(String),
    /// The end of the recording.
    End,
    /// An error that ends the feed.
    Failed(anyhow::Error),
}

/// The wishes of the user to the feed.
pub(super) enum Request {
    /// The answer to a question.
    Ask(Ask),
    /// Another moment.
    Travel(Travel),
    /// A recording of what is kept.
    Write,
}

/// A thread that waits for the kernel, so that the screen does not have to.
pub(super) struct Feeding {
    pub(super) requests: mpsc::Sender<Request>,
    /// The screen is paused, so that the next snapshot has to wait.
    pub(super) held: watch::Sender<bool>,
    thread: JoinHandle<Feed>,
}

impl Feeding {
    pub(super) fn start(mut feed: Feed) -> anyhow::Result<(Self, mpsc::Receiver<Fed>)> {
        let (sender, fed) = mpsc::channel::<Fed>(1);
        let (requests, requested) = mpsc::channel::<Request>(1);
        let (held, is_held) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("feed".to_owned())
            .spawn(move || {
                runtime.block_on(feed_all(&mut feed, sender, requested, is_held));
                feed
            })
            .context("cannot wait for the kernel")?;
        let feeding = Self {
            requests,
            held,
            thread,
        };
        Ok((feeding, fed))
    }

    /// Releases the source, after the kernel has answered the last question. Returns messages for
    /// the user.
    pub(super) fn end(self) -> anyhow::Result<Vec<String>> {
        drop((self.requests, self.held));
        let feed = self.thread.join().map_err(|_| anyhow!(FEED_DIED))?;
        Ok(feed.detach())
    }
}

/// Sends one snapshot after the other, with answers in between, until the receiver is gone.
async fn feed_all(
    feed: &mut Feed,
    sender: mpsc::Sender<Fed>,
    mut requests: mpsc::Receiver<Request>,
    mut is_held: watch::Receiver<bool>,
) {
    let mut has_ended = false;
    loop {
        let fed = tokio::select! {
            biased;
            request = requests.recv() => match request {
                None => return,
                Some(Request::Ask(ask)) => match feed.ask(&ask) {
                    Ok(Some(snapshot)) => Fed::Answer(ask, snapshot),
                    Ok(None) => Fed::Unanswered(ask, NOT_RECORDED.to_owned()),
                    Err(error) => Fed::Unanswered(ask, format!("{error:#}")),
                },
                Some(Request::Travel(travel)) => match feed.visit(&travel) {
                    Ok(visit) => {
                        has_ended = false;
                        Fed::Visit(Box::new(visit))
                    }
                    Err(error) => Fed::Message(format!("{error:#}")),
                },
                Some(Request::Write) => Fed::Message(match feed.write_kept() {
                    Ok((path, count)) => {
                        let samples = units::things(count as u64, "sample");
                        format!("wrote {}: {samples}", path.display())
                    }
                    Err(error) => format!("{error:#}"),
                }),
            },
            next = next(feed, &mut is_held), if !has_ended => match next {
                Ok(Some(snapshot)) => Fed::Snapshot(snapshot, feed.kept_since_ns()),
                Ok(None) => {
                    has_ended = true;
                    Fed::End
                }
                Err(error) => Fed::Failed(error),
            },
        };
        let is_last = matches!(fed, Fed::Failed(_));
        if sender.send(fed).await.is_err() || is_last {
            return;
        }
    }
}

/// Reads the next snapshot, once the screen is not paused.
async fn next(
    feed: &mut Feed,
    is_held: &mut watch::Receiver<bool>,
) -> anyhow::Result<Option<Arc<Snapshot>>> {
    // An error means that the sender is gone, so that nothing is paused.
    let _ = is_held.wait_for(|is_held| !is_held).await;
    feed.next().await
}
