//! `locks`: waits, their causes, and deadlocks.

use std::io::{self, Write as _};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::args::{self, Common};
use super::fail_on::{exit_code, nothing_seen};
use super::feed::Feed;
use super::kmsg::Kmsg;
use super::messages::Messages;
use super::oneshot;
use super::output_file::OutputFile;
use super::signals::Stop;
use super::until::Until;
use crate::deadlock::Rules;
use crate::model::snapshot::Snapshot;
use crate::output::ndjson::Ndjson;
use crate::output::text::Style;
use crate::output::{document, dot, locks as text, report};
use crate::sample::ask::{Ask, NOT_RECORDED};
use crate::sample::recording::Host;

/// Prints the answer, of a kernel or as of the end of a recording; or repeated answers.
pub(super) async fn run(
    common: &Common,
    args: &args::Locks,
    messages: &Messages,
) -> anyhow::Result<u8> {
    let fail_on = args.condition.fail_on;
    let mut stop = Stop::on_signals(nothing_seen(fail_on))?;
    let rules = Rules {
        min_wait_ns: u64::try_from(args.min_wait.as_nanos()).unwrap_or(u64::MAX),
    };
    let mut kmsg = match args.kmsg {
        true => Some(Kmsg::open()?),
        false => None,
    };
    let feed = Feed::of_locks(common, rules, args.watch, messages)?;
    let mut feed = feed.redacting(args.report.redact);
    if args.watch {
        let result = watch(common, args, &mut feed, &stop, kmsg).await;
        feed.close(messages);
        return result;
    }
    let host = feed.host().clone();
    let Some(snapshot) = oneshot::answer(feed, &mut stop, messages, ask).await? else {
        return Ok(nothing_seen(fail_on));
    };
    // Written before anything that may block: the reader of the output may be deadlocked too.
    kmsg.as_mut()
        .map_or(Ok(()), |kmsg| kmsg.report(&snapshot))?;
    let bytes = if args.dot {
        dot::render(&snapshot).into_bytes()
    } else if args.report.report {
        report::locks(&snapshot, &host).into_bytes()
    } else if common.json {
        document::locks(&snapshot, &host)?
    } else {
        text::render(&snapshot, &host, oneshot::style(common)).into_bytes()
    };
    oneshot::write(common, &bytes)?;
    Ok(exit_code(fail_on, &snapshot, snapshot.waits.is_known()))
}

/// Reads the list of memcgs, for their names, and asks about waits.
async fn ask(feed: &mut Feed) -> anyhow::Result<Option<Arc<Snapshot>>> {
    let Some(snapshot) = feed.only().await? else {
        return Ok(None);
    };
    match feed.ask(&Ask::Locks)? {
        Some(answered) => Ok(Some(answered)),
        None if snapshot.judged.is_none() => bail!(
            "{NOT_RECORDED}: nobody asked who waits for whom while this was recorded; \
             `record --locks` does"
        ),
        None => Ok(Some(snapshot)),
    }
}

/// The output of repeated answers.
enum View {
    Records(Ndjson<OutputFile>),
    Text(OutputFile, Style, Host),
}

impl View {
    fn write(&mut self, snapshot: &Snapshot, is_answer: bool) -> io::Result<()> {
        match self {
            Self::Records(records) => records.write_locks(snapshot),
            Self::Text(file, style, host) if is_answer => {
                let text = text::render(snapshot, host, *style) + "\n";
                file.write_all(text.as_bytes())
            }
            Self::Text(..) => Ok(()),
        }
    }
}

/// Prints repeated answers, until the span is over, the source ends, a signal comes, the output is
/// closed, or the condition of `--fail-on` is met.
async fn watch(
    common: &Common,
    args: &args::Locks,
    feed: &mut Feed,
    stop: &Stop,
    mut kmsg: Option<Kmsg>,
) -> anyhow::Result<u8> {
    let fail_on = args.condition.fail_on;
    let file = OutputFile::create(common.output.as_deref())?;
    let name = file.name();
    let failed = || format!("cannot write to {name}");
    let host = feed.host().clone();
    let mut view = match common.json {
        true => View::Records(Ndjson::new(file, host)),
        false => View::Text(file, oneshot::style(common), host),
    };
    let mut until = Until::new(&args.span, stop).or_by_the_clock(feed.is_replay());
    let mut before_ns = None;
    let mut code = nothing_seen(fail_on);
    while let Some(snapshot) = until.next(feed.next()).await? {
        let is_answer = snapshot.waits.as_of_ns != before_ns;
        before_ns = snapshot.waits.as_of_ns;
        if is_answer && !feed.is_replay() {
            kmsg.as_mut()
                .map_or(Ok(()), |kmsg| kmsg.report(&snapshot))?;
        }
        view.write(&snapshot, is_answer).with_context(failed)?;
        let has_figures = snapshot.waits.is_known() || snapshot.lock_waits.is_known();
        code = exit_code(fail_on, &snapshot, has_figures);
        stop.exits_with(code);
        let is_over = until.is_over(snapshot.mono_ns);
        let is_found = fail_on.is_some_and(|fail_on| fail_on.is_met(&snapshot) == Some(true));
        if is_over || is_found {
            break;
        }
    }
    Ok(code)
}
