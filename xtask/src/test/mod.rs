//! `cargo xtask test`: everything that has to pass, on this host and in a guest per kernel.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "xtask talks to a person"
)]

mod apart;
mod fresh;
mod guests;
mod host;
mod libtest;
mod module;
mod prefixed;

use std::time::Duration;

use anyhow::Result;

use crate::interrupt;
use crate::kernel::{self, Series};
use crate::setup::timings::Timings;
use crate::setup::{self, Needs};

/// Runs all checks and tests: on this host, then in a guest per kernel
#[derive(clap::Args)]
pub struct Arguments {
    /// Only this kernel's guest (5.10, 6.1, 6.12, 7.0.4, 7.2); can be given more than once
    #[arg(long, value_name = "SERIES")]
    kernel: Vec<&'static Series>,
    /// No guests
    #[arg(long, conflicts_with_all = ["kernel", "without_kernel"])]
    host_only: bool,
    /// Pass although this kernel is not tested; can be given more than once
    #[arg(long, value_name = "SERIES")]
    without_kernel: Vec<&'static Series>,
    /// Let the storm over locks blow for ten minutes rather than one
    #[arg(long)]
    long: bool,
    /// Instead: run the README's two commands as an ordinary user with an empty home folder, then
    /// without network, and fail if anything of the system changed. Takes twice as long as a test
    #[arg(long, conflicts_with_all = ["kernel", "host_only", "without_kernel", "long"])]
    fresh: bool,
    /// Only guest tests whose names contain one of these, and no checks on this host
    #[arg(value_name = "NAME", conflicts_with = "host_only")]
    names: Vec<String>,
}

/// A row of the table at the end.
pub struct Row {
    /// `host`, or the kernel.
    place: String,
    step: String,
    passed: u64,
    failed: u64,
    /// Why, where the counts do not tell.
    note: Option<String>,
    took: Duration,
}

pub fn main(arguments: &Arguments) -> Result<u8> {
    if arguments.fresh {
        let rows = fresh::run(&arguments.names)?;
        return Ok(u8::from(!report(&rows, arguments)));
    }
    let kernels: Vec<_> = kernel::all()
        .filter(|_| !arguments.host_only)
        .filter(|series| arguments.kernel.is_empty() || arguments.kernel.contains(series))
        .filter(|series| !arguments.without_kernel.contains(series))
        .collect();
    let without_module = setup::ensure(&Needs::tests(&kernels), &mut Timings::default())?;
    let mut rows = Vec::new();
    if arguments.names.is_empty() {
        rows.extend(host::run());
    }
    rows.extend(guests::run(&kernels, arguments, &without_module)?);
    if let Some(signal) = interrupt::received() {
        return Ok(128 + signal);
    }
    Ok(u8::from(!report(&rows, arguments)))
}

/// Prints the table and the sum; true if all is well.
fn report(rows: &[Row], arguments: &Arguments) -> bool {
    eprintln!();
    let width = rows
        .iter()
        .map(|row| row.step.len())
        .max()
        .unwrap_or_default();
    for Row {
        place,
        step,
        passed,
        failed,
        note,
        took,
    } in rows
    {
        let took = took.as_secs_f64();
        let note = note
            .as_ref()
            .map(|note| format!("  {note}"))
            .unwrap_or_default();
        eprintln!(
            "{place:<5} {step:<width$} {took:>6.1} s  {passed:>3} passed {failed:>2} failed{note}"
        );
    }
    for series in &arguments.without_kernel {
        eprintln!("{:<5} not tested, as was asked for", series.name);
    }
    let passed: u64 = rows.iter().map(|row| row.passed).sum();
    let failed: u64 = rows.iter().map(|row| row.failed).sum();
    println!("{passed} passed, {failed} failed");
    failed == 0 && passed > 0
}
