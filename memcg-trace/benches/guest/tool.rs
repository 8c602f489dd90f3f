//! The program as users run it, on a host with many cgroups.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::guest::{cpu_ns, now_ns, status_bytes};
use crate::table::{Table, mib, ms};

pub const PROGRAM: &str = "/bin/memcg-trace";
/// Snapshots from the first to the last that is looked at.
const SECONDS: u64 = 10;

pub fn report() -> Result<()> {
    let begin = now_ns();
    // One more, so that it is still there when the last that counts is read.
    let count = (SECONDS + 2).to_string();
    let mut child = Command::new(PROGRAM)
        .args(["export", "-i", "1s", "-n", &count])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {PROGRAM}"))?;
    let result = watch(&mut child, begin);
    // It may have ended by itself.
    let _ = child.kill();
    child.wait()?;
    result
}

fn watch(child: &mut Child, begin: u64) -> Result<()> {
    let pid = child.id();
    let mut lines = BufReader::new(child.stdout.take().context("no pipe")?).lines();
    let (mut records, mut bytes) = frame(&mut lines)?;
    let started_ns = now_ns() - begin;
    let start_cpu_ns = cpu_ns(pid)?;
    let start_peak = status_bytes(&pid.to_string(), "VmHWM")?;
    for _ in 0..SECONDS {
        (records, bytes) = frame(&mut lines)?;
    }
    let end_ns = now_ns();
    let per_second = (cpu_ns(pid)? - start_cpu_ns) as f64 / SECONDS as f64;
    let peak = status_bytes(&pid.to_string(), "VmHWM")?;
    let resident = status_bytes(&pid.to_string(), "VmRSS")?;

    let mut table = Table::new(
        "`memcg-trace export -i 1s`, quiet host, one CPU",
        &["what", "figure", "unit"],
    );
    let mut row = |what: &str, figure: String, unit: &str| {
        table.row([what.to_owned(), figure, unit.to_owned()]);
    };
    row("start to first frame", ms(started_ns as f64), "ms");
    row("CPU time of that", ms(start_cpu_ns as f64), "ms");
    row("CPU time per second", ms(per_second), "ms");
    row(
        "  instructions",
        format!("{:.2}", per_second / 1e6),
        "million/s",
    );
    row(
        "  of a core at 10^9 instructions/s",
        format!("{:.2}", per_second / 1e7),
        "%",
    );
    let measured = (end_ns - begin - started_ns) as f64 / SECONDS as f64;
    row("time between snapshots", ms(measured), "ms");
    row("records in a snapshot", records.to_string(), "");
    row(
        "  their NDJSON",
        format!("{:.1}", bytes as f64 / 1024.0),
        "KiB",
    );
    row("peak RSS at the first frame", mib(start_peak), "MiB");
    row("peak RSS at the end", mib(peak), "MiB");
    row("RSS at the end", mib(resident), "MiB");
    table.print();
    Ok(())
}

/// Reads up to the end of a snapshot; how many records it had, and bytes.
fn frame(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<(usize, usize)> {
    let (mut records, mut bytes) = (0, 0);
    loop {
        let line = lines.next().context("it ended early")??;
        records += 1;
        bytes += line.len() + 1;
        if line.contains(r#""type":"frame""#) {
            return Ok((records, bytes));
        }
    }
}
