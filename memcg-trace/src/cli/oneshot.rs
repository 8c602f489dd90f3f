//! The default without a verb and a terminal: one snapshot, as text or as a JSON document.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use super::args::Common;
use super::exit_codes::{CANNOT_TRACE, DONE, ERROR};
use super::feed::Feed;
use super::messages::Messages;
use super::output_file::OutputFile;
use super::signals::Stop;
use crate::model::snapshot::Snapshot;
use crate::output::{document, text};
use crate::source::replay::Pace;

/// Rates need two samples.
const LIVE_SAMPLES: u64 = 2;

/// Prints the state after two samples, or at the end of a recording.
pub(super) async fn run(
    common: &Common,
    file: Option<&Path>,
    messages: &Messages,
) -> anyhow::Result<u8> {
    let mut stop = Stop::on_signals(ERROR)?;
    let feed = Feed::open(common, file, Pace::Unpaced, messages)?;
    let host = feed.host().clone();
    let Some(snapshot) = answer(feed, &mut stop, messages, last).await? else {
        return Ok(ERROR);
    };
    let bytes = if common.json {
        document::memcgs(&snapshot, &host)?
    } else {
        text::render(&snapshot, &host, style(common)).into_bytes()
    };
    write(common, &bytes)?;
    Ok(if snapshot.has_figures() {
        DONE
    } else {
        CANNOT_TRACE
    })
}

/// Runs `ask` on a feed until it answers or a signal comes, and releases the feed in both cases.
/// Warns if there is no answer.
pub(super) async fn answer<T>(
    mut feed: Feed,
    stop: &mut Stop,
    messages: &Messages,
    ask: impl AsyncFnOnce(&mut Feed) -> anyhow::Result<Option<T>>,
) -> anyhow::Result<Option<T>> {
    let answer = tokio::select! {
        biased;
        () = stop.asked() => Ok(None),
        answer = ask(&mut feed) => answer,
    };
    feed.close(messages);
    let answer = answer?;
    if answer.is_none() {
        messages.warn(nothing_seen(stop));
    }
    Ok(answer)
}

/// The reason why there is nothing to show.
pub(super) fn nothing_seen(stop: &Stop) -> &'static str {
    match stop.is_asked() {
        true => "nothing to show: ended before there was a sample",
        false => "nothing to show: there is not one sample",
    }
}

/// The style of text on the output that the flags name.
pub(super) fn style(common: &Common) -> text::Style {
    let is_terminal = common.output.is_none() && io::stdout().is_terminal();
    text::Style {
        columns: is_terminal.then(terminal_columns).flatten(),
        colour: common.colour(is_terminal),
    }
}

/// Writes the only answer to the output that the flags name.
pub(super) fn write(common: &Common, bytes: &[u8]) -> anyhow::Result<()> {
    let mut output = OutputFile::create(common.output.as_deref())?;
    let name = output.name();
    output
        .write_all(bytes)
        .with_context(|| format!("cannot write to {name}"))
}

fn terminal_columns() -> Option<usize> {
    crossterm::terminal::size()
        .ok()
        .map(|(columns, _)| usize::from(columns))
}

async fn last(feed: &mut Feed) -> anyhow::Result<Option<Arc<Snapshot>>> {
    let mut last = None;
    while let Some(snapshot) = feed.next().await? {
        let enough = !feed.is_replay() && snapshot.frame + 1 >= LIVE_SAMPLES;
        last = Some(snapshot);
        if enough {
            break;
        }
    }
    Ok(last)
}
