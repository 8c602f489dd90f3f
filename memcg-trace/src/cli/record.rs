//! `record`: samples in a file.

use std::pin::pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use tokio::time::Instant;

use super::args::{Common, Record};
use super::feed::Until;
use super::messages::Messages;
use super::open::{self, Needs};
use super::output_file::OutputFile;
use super::signals::Stop;
use crate::model::is_zombie;
use crate::sample::Sample;
use crate::sample::recording::{FORMAT, Header, Writer};
use crate::source::Source;
use crate::source::ask::Ask;
use crate::source::replay::Pace;

/// Part of the time that asking a question may take, as one in so many.
const ASK_BUDGET: u32 = 100;

/// Stores samples until the span is over, the source ends or a signal comes.
pub(super) async fn run(
    common: &Common,
    record: &Record,
    messages: &Messages,
) -> anyhow::Result<()> {
    let mut stop = Stop::on_signals()?;
    let mut source = open::source(common, Needs::All, None, Pace::Unpaced, messages)?;
    let start = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let header = Header {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: source.host().clone(),
        start_unix_ns: i64::try_from(start.as_nanos()).unwrap_or(i64::MAX),
    };
    let path = record.file.display();
    let failed = || format!("cannot write the recording {path}");
    let file = OutputFile::create(Some(&record.file))?;
    let mut writer = Writer::new(file, &header).with_context(failed)?;
    let asked = [
        (record.pins, Ask::Pins(Vec::new())),
        (record.slab, Ask::SlabWalk),
    ];
    let asked = asked.into_iter().filter(|(is_asked, _)| *is_asked);
    let mut questions: Vec<_> = asked.map(|(_, ask)| Question::new(ask)).collect();
    let mut until = Until::new(&record.span);
    let clock = record.span.duration.filter(|_| !source.is_replay());
    let mut clock = pin!(Until::by_the_clock(clock));
    let mut samples = 0_u64;
    let result = loop {
        let next = tokio::select! {
            biased;
            () = stop.asked() => break Ok(()),
            () = &mut clock => break Ok(()),
            next = source.next() => next,
        };
        let sample = match next {
            Ok(Some(sample)) => sample,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        let mut written = writer.write_sample(&sample).with_context(failed);
        samples += u64::from(written.is_ok());
        for question in &mut questions {
            if written.is_ok()
                && let Some(answer) = question.after(&sample, &mut source, messages)
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
    messages.inform(&format!("{path}: {samples} samples"));
    result
}

/// When to ask: with the first sample that has something to ask about, and then as often as the
/// budget allows.
struct Question {
    ask: Ask,
    /// Whether there is anything to ask about.
    makes_sense: bool,
    /// `None` where there is nobody to ask.
    due: Option<Instant>,
}

impl Question {
    fn new(ask: Ask) -> Self {
        Self {
            makes_sense: ask == Ask::SlabWalk,
            ask,
            due: Some(Instant::now()),
        }
    }

    /// The answer that goes after a sample, if it is time for one.
    fn after(
        &mut self,
        sample: &Sample,
        source: &mut Source,
        messages: &Messages,
    ) -> Option<Sample> {
        if let (Ask::Pins(_), Some(walk)) = (&self.ask, &sample.memcgs) {
            self.makes_sense = walk.rows.iter().any(is_zombie);
        }
        if !self.makes_sense || self.due? > Instant::now() {
            return None;
        }
        self.due = None;
        let answer = source.ask(&self.ask);
        let answer = answer
            .inspect_err(|error| messages.warn(&format!("{error:#}; it is not asked again")))
            .ok()??;
        let took_ns = match &self.ask {
            Ask::Pins(_) => answer.pins.as_ref()?.took_ns,
            Ask::SlabWalk => answer.slab_walk.as_ref()?.took_ns,
        };
        self.due = Some(Instant::now() + Duration::from_nanos(took_ns) * (ASK_BUDGET - 1));
        Some(answer)
    }
}
