//! `record`: samples in a file.

use std::pin::pin;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;

use super::args::{Common, Record};
use super::feed::Until;
use super::messages::Messages;
use super::open;
use super::output_file::OutputFile;
use super::signals::Stop;
use crate::sample::recording::{FORMAT, Header, Writer};
use crate::source::replay::Pace;

/// Stores samples until the span is over, the source ends or a signal comes.
pub(super) async fn run(
    common: &Common,
    record: &Record,
    messages: &Messages,
) -> anyhow::Result<()> {
    let mut stop = Stop::on_signals()?;
    let mut source = open::source(common, None, Pace::Unpaced, messages)?;
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
        let written = writer.write_sample(&sample).with_context(failed);
        samples += u64::from(written.is_ok());
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
