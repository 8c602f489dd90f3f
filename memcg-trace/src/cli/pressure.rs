//! `shrinkers` and `reclaim`: what happens to memory in some time, added up.

use std::cmp::Reverse;
use std::sync::Arc;

use super::args::{Common, Pressure};
use super::feed::{Feed, Until};
use super::messages::Messages;
use super::oneshot;
use super::signals::Stop;
use super::{CANNOT_TRACE, DONE, ERROR};
use crate::model::pressure;
use crate::model::snapshot::{Reclaim, Shrinker, Snapshot};
use crate::output::{document, reclaim, shrinkers};

/// Rows of a table of text, unless `--top` says so.
const ROWS: usize = 30;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Shrinkers,
    Reclaim,
}

/// Looks on for a while, or to the end of a recording, and prints the sums.
pub(super) async fn run(
    which: Which,
    common: &Common,
    args: &Pressure,
    messages: &Messages,
) -> anyhow::Result<u8> {
    let mut stop = Stop::on_signals(ERROR)?;
    let mut feed = Feed::of_reclaim(common, messages)?;
    let host = feed.host().clone();
    let mut seen: Option<(Arc<Snapshot>, Arc<Snapshot>)> = None;
    let mut until = Until::new(&args.span(feed.is_replay()));
    // A signal ends the time early, and what was seen so far is the answer.
    let outcome = loop {
        let next = tokio::select! {
            biased;
            () = stop.asked() => break Ok(()),
            next = feed.next() => next,
        };
        match next {
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
        return Ok(ERROR);
    };
    let snapshot = between(&first, &last);
    // As of when the sums were read.
    let as_of = |snapshot: &Snapshot| match which {
        Which::Shrinkers => snapshot.shrinkers.as_of_ns,
        Which::Reclaim => snapshot.reclaim.as_of_ns,
    };
    let as_of_ns = |snapshot: &Snapshot| as_of(snapshot).unwrap_or(snapshot.mono_ns);
    let span_ns = as_of_ns(&last).saturating_sub(as_of_ns(&first));
    let style = oneshot::style(common);
    let most = common.top();
    let bytes = match (which, common.json) {
        (Which::Shrinkers, true) => {
            let mut rows = by_time(&snapshot);
            rows.truncate(most.unwrap_or(usize::MAX));
            document::shrinkers(&snapshot, &rows, span_ns, &host)?
        }
        (Which::Shrinkers, false) => {
            let rows = by_time(&snapshot);
            let (shown, left_out) = rows.split_at(most.unwrap_or(ROWS).min(rows.len()));
            let left_out = left_out.len();
            shrinkers::render(&snapshot, &host, shown, left_out, span_ns, style).into_bytes()
        }
        (Which::Reclaim, true) => {
            let mut rows = by_stall(&snapshot);
            rows.truncate(most.unwrap_or(usize::MAX));
            document::reclaim(&snapshot, &rows, span_ns, &host)?
        }
        (Which::Reclaim, false) => {
            let rows = by_stall(&snapshot);
            let (shown, left_out) = rows.split_at(most.unwrap_or(ROWS).min(rows.len()));
            let left_out = left_out.len();
            reclaim::render(&snapshot, &host, shown, left_out, span_ns, style).into_bytes()
        }
    };
    oneshot::write(common, &bytes)?;
    let has_figures = match which {
        Which::Shrinkers => snapshot.shrinkers.is_known(),
        Which::Reclaim => snapshot.reclaim.is_known(),
    };
    Ok(if has_figures { DONE } else { CANNOT_TRACE })
}

/// The later of two snapshots, with what was done since the first.
fn between(first: &Snapshot, last: &Snapshot) -> Snapshot {
    let reclaim = pressure::reclaim_since(&first.reclaim.items, &last.reclaim.items);
    let shrinkers = pressure::shrinkers_since(&first.shrinkers.items, &last.shrinkers.items);
    Snapshot {
        reclaim: Arc::new(last.reclaim.with_items(reclaim)),
        shrinkers: Arc::new(last.shrinkers.with_items(shrinkers)),
        ..last.clone()
    }
}

fn by_time(snapshot: &Snapshot) -> Vec<&Shrinker> {
    let mut rows: Vec<_> = snapshot.shrinkers.items.iter().collect();
    rows.sort_by_key(|row| Reverse((row.time_ns_total, row.calls_total)));
    rows
}

fn by_stall(snapshot: &Snapshot) -> Vec<&Reclaim> {
    let mut rows: Vec<_> = snapshot.reclaim.items.iter().collect();
    rows.sort_by_key(|row| {
        let count = &row.count;
        Reverse((
            count.stall_ns_total,
            count.background_ns_total,
            count.visits_total,
        ))
    });
    rows
}
