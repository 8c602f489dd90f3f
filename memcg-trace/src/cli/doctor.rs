//! `doctor`: what can be traced on this host, or on one with another kernel.

use super::args::{Common, Doctor};

#[cfg(not(feature = "live"))]
pub(super) fn run(_: &Common, _: &Doctor) -> anyhow::Result<u8> {
    Err(super::open::replay_only())
}

/// Prints the report; the exit code says whether tracing is possible.
#[cfg(feature = "live")]
pub(super) fn run(common: &Common, files: &Doctor) -> anyhow::Result<u8> {
    use std::io::Write as _;
    use std::time::{SystemTime, UNIX_EPOCH};

    use anyhow::Context as _;

    use super::output_file::OutputFile;
    use crate::output::records::Moment;
    use crate::output::{doctor, document};
    use crate::sample::Text;
    use crate::sample::doctor::Verdict;
    use crate::source::live;
    use crate::units;

    let attach = super::open::attach(common);
    let mut host = live::host();
    let report = match &files.btf {
        Some(btf) => {
            // The report is about another kernel than the running one.
            host.kernel = Text::default();
            live::doctor_of_files(btf, files.symbols.as_deref(), attach)?
        }
        None => live::doctor(attach),
    };
    let bytes = if common.json {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let time = units::time(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX));
        let mono = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let mono_ns = std::time::Duration::try_from(mono)
            .unwrap_or_default()
            .as_nanos();
        let mono_ns = u64::try_from(mono_ns).unwrap_or(u64::MAX);
        document::doctor(
            &report,
            &host,
            Moment {
                seq: 0,
                frame: 0,
                time: &time,
                mono_ns,
            },
        )?
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
