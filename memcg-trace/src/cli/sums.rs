//! Sums over a span of time, for `shrinkers` and `reclaim`.

use std::sync::Arc;

use super::args::{self, Common};
use super::exit_codes::ERROR;
use super::feed::Feed;
use super::messages::Messages;
use super::oneshot;
use super::signals::Stop;
use super::until::Until;
use crate::model::pressure;
use crate::model::snapshot::Snapshot;
use crate::sample::recording::Host;

/// Rows of a table of text, unless `--top` says so.
const ROWS: usize = 30;

/// Sums over a span of time.
pub(super) struct Sums {
    pub(super) host: Host,
    /// The last snapshot, with sums since the first.
    pub(super) snapshot: Snapshot,
    first: Arc<Snapshot>,
}

impl Sums {
    /// Watches for a while, or to the end of a recording. `None` if there was no sample, after a
    /// message that says so.
    pub(super) async fn over(
        common: &Common,
        args: &args::Sums,
        messages: &Messages,
    ) -> anyhow::Result<Option<Self>> {
        let stop = Stop::on_signals(ERROR)?;
        let mut feed = Feed::of_reclaim(common, messages)?;
        let host = feed.host().clone();
        let mut seen: Option<(Arc<Snapshot>, Arc<Snapshot>)> = None;
        let mut until = Until::new(&args.span(feed.is_replay()), &stop);
        // A signal ends the span early; the answer then covers the time until the signal.
        let outcome = loop {
            match until.next(feed.next()).await {
                Ok(Some(snapshot)) => {
                    let is_over = until.is_over(snapshot.mono_ns);
                    let first = match seen {
                        Some((first, _)) => first,
                        None => Arc::clone(&snapshot),
                    };
                    seen = Some((first, snapshot));
                    if is_over {
                        break Ok(());
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        feed.close(messages);
        outcome?;
        let Some((first, last)) = seen else {
            messages.warn(oneshot::nothing_seen(&stop));
            return Ok(None);
        };
        Ok(Some(Self {
            host,
            snapshot: between(&first, &last),
            first,
        }))
    }

    /// Time between the two readings of a section, or between the samples if it was not read.
    pub(super) fn span_ns(&self, as_of_ns: impl Fn(&Snapshot) -> Option<u64>) -> u64 {
        let as_of_ns = |snapshot: &Snapshot| as_of_ns(snapshot).unwrap_or(snapshot.mono_ns);
        as_of_ns(&self.snapshot).saturating_sub(as_of_ns(&self.first))
    }
}

/// The rows of a document.
pub(super) fn of_document<'a, T>(common: &Common, rows: &'a [&'a T]) -> &'a [&'a T] {
    &rows[..common.top().unwrap_or(usize::MAX).min(rows.len())]
}

/// The rows of a text, and the number of the others.
pub(super) fn of_text<'a, T>(common: &Common, rows: &'a [&'a T]) -> (&'a [&'a T], usize) {
    let (shown, left_out) = rows.split_at(common.top().unwrap_or(ROWS).min(rows.len()));
    (shown, left_out.len())
}

/// The later snapshot, with sums since the first.
fn between(first: &Snapshot, last: &Snapshot) -> Snapshot {
    let reclaim = pressure::reclaim_since(&first.reclaim.items, &last.reclaim.items);
    let shrinkers = pressure::shrinkers_since(&first.shrinkers.items, &last.shrinkers.items);
    Snapshot {
        reclaim: Arc::new(last.reclaim.with_items(reclaim)),
        shrinkers: Arc::new(last.shrinkers.with_items(shrinkers)),
        ..last.clone()
    }
}
