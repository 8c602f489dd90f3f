//! The final table, and the slowest tests.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "xtask talks to a person"
)]

use std::cmp::Reverse;
use std::time::Duration;

use super::arguments::Arguments;
use super::row::Row;
use super::times::Time;

/// Prints the table and the sum; true if all is well.
pub fn print(rows: &[Row], arguments: &Arguments) -> bool {
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
        tests,
        ..
    } in rows
    {
        let took = took.as_secs_f64();
        let cpu: f64 = tests.iter().map(|test| test.cpu.as_secs_f64()).sum();
        let cpu = match tests.is_empty() {
            true => " ".repeat(11),
            false => format!("{cpu:>6.1} s cpu"),
        };
        let note = note
            .as_ref()
            .map(|note| format!("  {note}"))
            .unwrap_or_default();
        eprintln!(
            "{place:<5} {step:<width$} {took:>6.1} s {cpu}  {passed:>3} passed {failed:>2} failed{note}"
        );
    }
    slowest(rows, arguments.slowest);
    for series in &arguments.without_kernel {
        eprintln!("{:<5} not tested, as was asked for", series.name);
    }
    // Failures are repeated here, for people who read only the end.
    for row in rows {
        if row.failed > 0 && row.failures.is_empty() {
            eprintln!("failed: {} {}", row.place, row.step);
        }
        for failure in &row.failures {
            let verdict = match failure.passed_again {
                true => "failed, and passed when tried again:",
                false => "failed:",
            };
            eprintln!("{verdict} {} {}", row.place, failure.name);
            for line in failure.message.iter().flat_map(|message| message.lines()) {
                eprintln!("    {line}");
            }
        }
    }
    let passed: u64 = rows.iter().map(|row| row.passed).sum();
    let failed: u64 = rows.iter().map(|row| row.failed).sum();
    let unsteady = rows.iter().flat_map(|row| &row.failures);
    let unsteady = unsteady.filter(|failure| failure.passed_again).count();
    let note = match unsteady {
        0 => String::new(),
        count => format!("; {count} of those that passed had failed at first"),
    };
    println!("{passed} passed, {failed} failed{note}");
    failed == 0 && passed > 0
}

/// Prints the slowest tests. Tests of one guest slow down those of another, so processor time is
/// shown as well.
fn slowest(rows: &[Row], shown: usize) {
    let tests = rows
        .iter()
        .flat_map(|row| row.tests.iter().map(move |test| (row, test)));
    let mut tests: Vec<_> = tests.collect();
    if tests.is_empty() {
        return;
    }
    tests.sort_by_key(|(_, test)| Reverse(test.cpu));
    let cpu: Duration = tests.iter().map(|(_, test)| test.cpu).sum();
    eprintln!(
        "\n{:.0} s of processor time in guests; slowest tests:",
        cpu.as_secs_f64()
    );
    for (row, Time { name, took, cpu }) in tests.into_iter().take(shown) {
        let (took, cpu) = (took.as_secs_f64(), cpu.as_secs_f64());
        eprintln!("{:<5} {took:>6.1} s {cpu:>6.1} s cpu  {name}", row.place);
    }
}
