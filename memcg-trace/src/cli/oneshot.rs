//! No verb and no terminal: one snapshot, as text or as a JSON document.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use super::args::Common;
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
) -> anyhow::Result<()> {
    let mut stop = Stop::on_signals()?;
    let mut feed = Feed::open(common, file, Pace::Unpaced, messages)?;
    let host = feed.host().clone();
    let last = tokio::select! {
        () = stop.asked() => Ok(None),
        last = last(&mut feed) => last,
    };
    feed.close(messages);
    let Some(snapshot) = last? else {
        messages.warn("nothing to show: there is not one sample");
        return Ok(());
    };
    let bytes = if common.json {
        document::memcgs(&snapshot, &host)?
    } else {
        text::render(&snapshot, &host, style(common)).into_bytes()
    };
    write(common, &bytes)
}

/// How text looks on the output that the flags name.
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
