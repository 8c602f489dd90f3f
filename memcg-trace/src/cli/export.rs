//! `export`: writes records as NDJSON.

use std::io::{self, Write};

use anyhow::Context as _;

use super::args::{Common, Export};
use super::exit_codes::{DONE, ERROR};
use super::export_whole;
use super::feed::Feed;
use super::messages::Messages;
use super::oneshot::nothing_seen;
use super::record_stream::RecordStream;
use super::signals::Stop;
use super::until::Until;
use crate::model::snapshot::Snapshot;
use crate::output::changes::Changes;
use crate::output::ndjson::Ndjson;
use crate::source::replay::Pace;

/// Writes records until the span is over, the source ends, a signal comes or the output is closed.
pub(super) async fn run(
    common: &Common,
    export: &Export,
    messages: &Messages,
) -> anyhow::Result<u8> {
    if let Some(file) = &export.whole {
        return export_whole::run(common, file, messages);
    }
    let stop = Stop::on_signals(ERROR)?;
    let mut feed = Feed::open(common, None, Pace::Unpaced, messages)?;
    feed.ask_for_locks();
    let output = RecordStream::create(common, &export.rotation)?;
    let name = output.name();
    let output = match export.changes {
        true => Records::Changed(Box::new(Changes::new(output, export.whole_every))),
        false => Records::Whole(Box::new(output)),
    };
    let mut stream = Ndjson::new(output, feed.host().clone());
    let mut until = Until::new(&export.span, &stop).or_by_the_clock(feed.is_replay());
    let mut code = ERROR;
    let result = loop {
        let snapshot = match until.next(feed.next()).await {
            Ok(Some(snapshot)) => snapshot,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        let output = stream.output_mut();
        let written = output
            .make_room(&snapshot, common, messages)
            .and_then(|()| {
                let written = stream.write(&snapshot);
                written.with_context(|| format!("cannot write to {name}"))
            });
        code = DONE;
        stop.exits_with(code);
        if written.is_err() || until.is_over(snapshot.mono_ns) {
            break written;
        }
    };
    let ended = stream.output_mut().stream().end();
    feed.close(messages);
    result.and(ended)?;
    if code != DONE {
        messages.warn(nothing_seen(&stop));
    }
    Ok(code)
}

/// Records of whole snapshots, or of what changed.
enum Records {
    Whole(Box<RecordStream>),
    Changed(Box<Changes<RecordStream>>),
}

impl Records {
    fn stream(&mut self) -> &mut RecordStream {
        match self {
            Self::Whole(stream) => stream,
            Self::Changed(changes) => changes.output_mut(),
        }
    }

    /// Starts another file if this one is full.
    fn make_room(
        &mut self,
        snapshot: &Snapshot,
        common: &Common,
        messages: &Messages,
    ) -> anyhow::Result<()> {
        if self.stream().is_full(snapshot) {
            self.stream().start_next(common, messages)?;
            if let Self::Changed(changes) = self {
                changes.start_over();
            }
        }
        self.stream().begin(snapshot);
        Ok(())
    }
}

impl Write for Records {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        match self {
            Self::Whole(stream) => stream.write(record),
            Self::Changed(changes) => changes.write(record),
        }
    }

    fn write_all(&mut self, record: &[u8]) -> io::Result<()> {
        match self {
            Self::Whole(stream) => stream.write_all(record),
            Self::Changed(changes) => changes.write_all(record),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Whole(stream) => stream.flush(),
            Self::Changed(changes) => changes.flush(),
        }
    }
}
