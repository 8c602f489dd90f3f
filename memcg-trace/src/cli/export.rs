//! `export`: writes records as NDJSON.

use anyhow::Context as _;

use super::args::{Common, Span};
use super::exit_codes::{DONE, ERROR};
use super::feed::Feed;
use super::messages::Messages;
use super::oneshot::nothing_seen;
use super::output_file::OutputFile;
use super::signals::Stop;
use super::until::Until;
use crate::output::ndjson::Ndjson;
use crate::source::replay::Pace;

/// Writes records until the span is over, the source ends, a signal comes or the output is closed.
pub(super) async fn run(common: &Common, span: &Span, messages: &Messages) -> anyhow::Result<u8> {
    let stop = Stop::on_signals(ERROR)?;
    let mut feed = Feed::open(common, None, Pace::Unpaced, messages)?;
    feed.ask_for_locks();
    let file = OutputFile::create(common.output.as_deref())?;
    let name = file.name();
    let mut stream = Ndjson::new(file, feed.host().clone());
    let mut until = Until::new(span, &stop).or_by_the_clock(feed.is_replay());
    let mut code = ERROR;
    let result = loop {
        let snapshot = match until.next(feed.next()).await {
            Ok(Some(snapshot)) => snapshot,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        let written = stream
            .write(&snapshot)
            .with_context(|| format!("cannot write to {name}"));
        code = DONE;
        stop.exits_with(code);
        if written.is_err() || until.is_over(snapshot.mono_ns) {
            break written;
        }
    };
    feed.close(messages);
    result?;
    if code != DONE {
        messages.warn(nothing_seen(&stop));
    }
    Ok(code)
}
