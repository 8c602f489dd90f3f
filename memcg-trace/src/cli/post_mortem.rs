//! `report`: a page for a post-mortem, or a trace, from a recording.

use std::ffi::OsStr;
use std::io::Write as _;

use anyhow::{Context as _, anyhow, bail};

use super::args::{Common, PostMortem};
use super::exit_codes::{CANNOT_TRACE, DONE, ERROR};
use super::feed::Feed;
use super::messages::Messages;
use super::oneshot;
use super::output_file::OutputFile;
use super::signals::Stop;
use crate::output::html::{self, Gathered, Of};
use crate::output::trace::{self, Spans};
use crate::sample::incident::Incident;
use crate::tui;
use crate::units;

/// Rows of a table, unless `--top` says so.
const ROWS: usize = 20;

/// Writes the page of a recording, or of a span of it.
pub(super) async fn run(
    common: &Common,
    args: &PostMortem,
    messages: &Messages,
) -> anyhow::Result<u8> {
    let mut stop = Stop::on_signals(ERROR)?;
    let mut feed = Feed::of_recording(common, &args.file, messages)?.redacting(args.redact);
    let span = Span::wanted(args, &mut feed)?;
    let incident = incident(&mut feed, args.redact);
    let host = feed.host().clone();
    let is_traced = args.trace.is_some();
    let gather = async |feed: &mut Feed| gather(feed, &span, is_traced).await;
    let answer = oneshot::answer(feed, &mut stop, messages, gather).await?;
    let Some((gathered, spans)) = answer else {
        return Ok(ERROR);
    };
    if let (Some(path), Some(spans)) = (&args.trace, spans) {
        let mut file = OutputFile::create(Some(path))?;
        let written = file.write_all(trace::write(spans, &host).as_bytes());
        written.with_context(|| format!("cannot write to {}", path.display()))?;
    }
    let has_figures = gathered.has_figures();
    let code = if has_figures { DONE } else { CANNOT_TRACE };
    if is_traced && common.output.is_none() {
        return Ok(code);
    }
    let cgroup = common.selection().cgroup;
    let page = html::page(
        &gathered,
        &Of {
            host: &host,
            incident: incident.as_ref(),
            cgroup: cgroup.as_ref(),
            top: common.top().unwrap_or(ROWS),
        },
    );
    oneshot::write(common, page.as_bytes())?;
    Ok(code)
}

/// The incident that the recording is of, without its names if that is asked for.
fn incident(feed: &mut Feed, is_redacted: bool) -> Option<Incident> {
    let incident = feed.recording()?.incident()?.clone();
    Some(match is_redacted {
        true => Incident {
            sentence: String::new(),
            path: None,
            short: None,
            ..incident
        },
        false => incident,
    })
}

/// A span of time, CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug)]
struct Span {
    begin_ns: u64,
    end_ns: u64,
}

impl Span {
    /// The span that the flags name; times are reckoned from the end of the recording.
    fn wanted(args: &PostMortem, feed: &mut Feed) -> anyhow::Result<Self> {
        let [begin, end] = args.span();
        if begin.is_none() && end.is_none() {
            return Ok(Self {
                begin_ns: 0,
                end_ns: u64::MAX,
            });
        }
        let index = feed.recording().context("this is no recording")?.index()?;
        let last = index.len().checked_sub(1);
        let last = index.sample(last.context("there is not one sample")?)?;
        let moment = |text: Option<&OsStr>, usual| match text {
            None => Ok(usual),
            Some(text) => tui::parse_moment(&text.to_string_lossy(), last.mono_ns, last.unix_ns)
                .map_err(|wrong| anyhow!(wrong)),
        };
        let span = Self {
            begin_ns: moment(begin, 0)?,
            end_ns: moment(end, u64::MAX)?,
        };
        if span.begin_ns > span.end_ns {
            bail!("--from is after --to: there is no time between them");
        }
        Ok(span)
    }
}

/// Reads the recording until the end of the span. What is before it leads to it: a finding may
/// have begun earlier.
async fn gather(
    feed: &mut Feed,
    span: &Span,
    is_traced: bool,
) -> anyhow::Result<Option<(Gathered, Option<Spans>)>> {
    let mut gathered: Option<(Gathered, Option<Spans>)> = None;
    let mut outside = None;
    while let Some(snapshot) = feed.next().await? {
        if snapshot.mono_ns > span.end_ns {
            outside = outside.or(Some(snapshot));
            break;
        }
        match &mut gathered {
            _ if snapshot.mono_ns < span.begin_ns => outside = Some(snapshot),
            Some((gathered, spans)) => {
                gathered.push(&snapshot);
                spans.iter_mut().for_each(|spans| spans.push(&snapshot));
            }
            None => {
                let spans = is_traced.then(|| Spans::beginning_with(&snapshot));
                gathered = Some((Gathered::beginning_with(&snapshot), spans));
            }
        }
    }
    if let (None, Some(outside)) = (&gathered, outside) {
        bail!(
            "no sample is between --from and --to; one is at {}",
            units::clock(outside.unix_ns)
        );
    }
    Ok(gathered)
}
