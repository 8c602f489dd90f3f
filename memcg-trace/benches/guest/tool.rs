//! The program as users run it, on a host with many cgroups.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::guest::{cpu_ns, now_ns, status_bytes};
use crate::table::{Table, mib, ms};

pub const PROGRAM: &str = "/bin/memcg-trace";
/// The seconds after the first snapshot, when the first queries run, and the seconds after them,
/// when queries keep to their budgets.
const SPANS: [(&str, u64); 2] = [("first", 10), ("later", 100)];

pub fn report() -> Result<()> {
    let begin = now_ns();
    // One second more, so that the process still exists when the last figure is read.
    let seconds: u64 = SPANS.iter().map(|(_, seconds)| seconds).sum();
    let count = (seconds + 2).to_string();
    let mut child = Command::new(PROGRAM)
        .args(["export", "-i", "1s", "-n", &count])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {PROGRAM}"))?;
    let result = watch(&mut child, begin);
    // The process may have ended by itself.
    let _ = child.kill();
    child.wait()?;
    result
}

fn watch(child: &mut Child, begin: u64) -> Result<()> {
    let pid = child.id();
    let mut lines = BufReader::new(child.stdout.take().context("no pipe")?).lines();
    let (mut records, mut bytes) = frame(&mut lines)?;
    let mut table = Table::new(
        "`memcg-trace export -i 1s`, quiet host, one CPU",
        &["what", "figure", "unit"],
    );
    let mut row = |what: &str, figure: String, unit: &str| {
        table.row([what.to_owned(), figure, unit.to_owned()]);
    };
    let start_peak = status_bytes(&pid.to_string(), "VmHWM")?;
    let (mut last_ns, mut last_cpu_ns) = (now_ns(), cpu_ns(pid)?);
    row("start to first frame", ms((last_ns - begin) as f64), "ms");
    row("CPU time of that", ms(last_cpu_ns as f64), "ms");
    for (name, seconds) in SPANS {
        for _ in 0..seconds {
            (records, bytes) = frame(&mut lines)?;
        }
        let (end_ns, end_cpu_ns) = (now_ns(), cpu_ns(pid)?);
        let per_second = |ns: u64| ns as f64 / seconds as f64;
        let instructions = per_second(end_cpu_ns - last_cpu_ns) / 1e6;
        let what = format!("instructions, {name} {seconds} s");
        row(&what, format!("{instructions:.2}"), "million/s");
        let apart = ms(per_second(end_ns - last_ns));
        row("  time between snapshots", apart, "ms");
        (last_ns, last_cpu_ns) = (end_ns, end_cpu_ns);
    }
    let peak = status_bytes(&pid.to_string(), "VmHWM")?;
    let resident = status_bytes(&pid.to_string(), "VmRSS")?;
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

/// Reads up to the end of a snapshot; returns its records and bytes.
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
