//! `record`: writes samples to a file.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;

use super::args::{Common, Record};
use super::exit_codes::{DONE, ERROR};
use super::lock_queries::LockQueries;
use super::messages::Messages;
use super::oneshot::nothing_seen;
use super::open::{self, Needs};
use super::output_file::OutputFile;
use super::periodic::Periodic;
use super::signals::Stop;
use super::slab::ensure_known;
use super::until::Until;
use crate::deadlock::Rules;
use crate::model::Model;
use crate::sample::ask::Ask;
use crate::sample::lasting::Lasting;
use crate::sample::recording::{FORMAT, Header, Writer};
use crate::sample::{Sample, Text};
use crate::source::Source;
use crate::source::replay::Pace;
use crate::units;

/// One sample in so many relies on none before it, so that a long recording can be sought in.
const STARTS_EVERY: u64 = 60;

/// Stores samples until the span is over, the source ends or a signal comes.
pub(super) async fn run(
    common: &Common,
    record: &Record,
    messages: &Messages,
) -> anyhow::Result<u8> {
    let stop = Stop::on_signals(ERROR)?;
    let needs = match &record.callers {
        Some(_) => Needs::AllAndCallers,
        None => Needs::All,
    };
    let mut source = open::source(common, needs, None, Pace::Unpaced, messages)?;
    let start = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let header = Header {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: source.host().clone(),
        start_unix_ns: i64::try_from(start.as_nanos()).unwrap_or(i64::MAX),
        incident: None,
    };
    let path = record.file.display();
    let failed = || format!("cannot write the recording {path}");
    let file = OutputFile::create(Some(&record.file))?;
    let mut writer = Writer::new(file, &header).with_context(failed)?;
    let mut questions = Vec::new();
    if record.pins {
        questions.push(Periodic::new(Ask::Pins(Vec::new())));
    }
    if record.abandoned {
        questions.push(Periodic::new(Ask::CgroupUses));
    }
    if let Some(cache) = &record.inside {
        let cache = Text::from(cache.as_bytes());
        questions.push(Periodic::new(Ask::SlabInside(cache)));
    }
    let callers = match &record.callers {
        Some(cache) => watch_callers(&mut source, cache)?,
        None => None,
    };
    if let Some(walked) = callers {
        writer.write_sample(&walked).with_context(failed)?;
    }
    let min_wait_ns = Rules::default().min_wait_ns;
    let mut lock_queries = record.locks.then(|| LockQueries::beside(min_wait_ns));
    let mut until = Until::new(&record.span, &stop).or_by_the_clock(source.is_replay());
    let mut samples = 0_u64;
    let (mut lasting, mut model) = (Lasting::default(), Model::new());
    let result = loop {
        let mut sample = match until.next(source.next()).await {
            Ok(Some(sample)) => sample,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        if let Some(queries) = &mut lock_queries
            && let Err(error) = queries.add_to(&mut sample, &mut source)
        {
            break Err(error);
        }
        lasting.read(&sample);
        model.step(&sample);
        let starts = samples > 0 && samples.is_multiple_of(STARTS_EVERY);
        let whole = match starts {
            true => Cow::Owned(lasting.added_to(&sample, model.slab_so_far())),
            false => Cow::Borrowed(&sample),
        };
        let mut written = writer.write_sample(&whole).with_context(failed);
        samples += u64::from(written.is_ok());
        stop.exits_with(DONE);
        for asks in &mut questions {
            if let (Ok(()), Some(answer)) = (&written, asks.after(&sample, &mut source, *messages))
            {
                written = writer.write_sample(&answer).with_context(failed);
            }
        }
        if written.is_err() || until.is_over(sample.mono_ns) {
            break written;
        }
    };
    for message in source.close() {
        messages.warn(&message);
    }
    messages.inform(&format!("{path}: {}", units::things(samples, "sample")));
    result?;
    if samples == 0 {
        messages.warn(nothing_seen(&stop));
        return Ok(ERROR);
    }
    Ok(DONE)
}

/// Starts to watch the callers of a cache; `None` for a recording, which cannot be asked.
fn watch_callers(source: &mut Source, cache: &OsStr) -> anyhow::Result<Option<Sample>> {
    let name = Text::from(cache.as_bytes());
    let Some(walked) = source.ask(&Ask::Callers(name))? else {
        return Ok(None);
    };
    ensure_known(cache.as_bytes(), &Model::new().step(&walked))?;
    Ok(Some(walked))
}
