//! `doctor`: what can be traced on this host, or on one with another kernel; or what a crash dump
//! tells.

use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use rustix::time::{ClockId, clock_gettime};

use super::args::{Common, Doctor};
use super::output_file::OutputFile;
use crate::output::records::Moment;
use crate::output::{doctor, document};
use crate::sample::doctor::{self as report, Verdict};
use crate::sample::recording::Host;
use crate::source::core;
use crate::units;

/// Prints the report; the exit code says whether tracing, or reading the dump, is possible.
pub(super) fn run(common: &Common, files: &Doctor) -> anyhow::Result<u8> {
    let (report, host) = match &files.core {
        Some(dump) => core::doctor(dump)?,
        None => of_kernel(common, files)?,
    };
    let bytes = if common.json {
        json(&report, &host)?
    } else if files.core.is_some() {
        doctor::render_of_dump(&report).into_bytes()
    } else {
        doctor::render(&report).into_bytes()
    };
    let mut output = OutputFile::create(common.output.as_deref())?;
    let name = output.name();
    output
        .write_all(&bytes)
        .with_context(|| format!("cannot write to {name}"))?;
    Ok(match report.verdict {
        Verdict::Ready | Verdict::Partial => super::exit_codes::DONE,
        Verdict::Unable => super::exit_codes::CANNOT_TRACE,
    })
}

#[cfg(not(feature = "live"))]
fn of_kernel(_: &Common, _: &Doctor) -> anyhow::Result<(report::Doctor, Host)> {
    Err(super::open::replay_only())
}

#[cfg(feature = "live")]
fn of_kernel(common: &Common, files: &Doctor) -> anyhow::Result<(report::Doctor, Host)> {
    use crate::sample::Text;
    use crate::source::live;

    let attach = super::open::attach(common);
    let host = live::host();
    Ok(match &files.btf {
        Some(btf) => {
            // The report is about another kernel than the running one.
            let host = Host {
                kernel: Text::default(),
                ..host
            };
            let report = live::doctor_of_files(btf, files.symbols.as_deref(), attach)?;
            (report, host)
        }
        None => (live::doctor(attach), host),
    })
}

fn json(report: &report::Doctor, host: &Host) -> anyhow::Result<Vec<u8>> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let time = units::time(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX));
    let mono = Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default();
    let moment = Moment {
        seq: 0,
        frame: 0,
        time: &time,
        mono_ns: u64::try_from(mono.as_nanos()).unwrap_or(u64::MAX),
    };
    Ok(document::doctor(report, host, moment)?)
}
