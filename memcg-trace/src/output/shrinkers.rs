//! The work of shrinkers, for people.

use super::table::{Style, Table, figure};
use super::{fit, text};
use crate::model::snapshot::{Shrinker, Snapshot};
use crate::sample::recording::Host;
use crate::sample::sanitized;
use crate::units;

/// Writes the shrinkers of a snapshot: `rows` in the given order; `left_out` is the number of rows
/// that were not asked for, `span_ns` the time of the sums.
#[must_use]
pub fn render(
    snapshot: &Snapshot,
    host: &Host,
    rows: &[&Shrinker],
    left_out: usize,
    span_ns: u64,
    style: Style,
) -> String {
    let mut text = String::new();
    let mut line = |line: String| fit::push_line(&mut text, &line, style.columns);
    line(text::heading(snapshot, host));
    if let Some(reason) = &snapshot.shrinkers.reason {
        line(format!("no shrinker figures: {}", sanitized(reason)));
    }
    if let Some(reason) = &snapshot.reclaim.reason {
        line(format!("no causes: {}", sanitized(reason)));
    }
    let all = &snapshot.shrinkers.items;
    if snapshot.shrinkers.is_known() {
        line(sums(all, span_ns));
        line(priorities(all));
    }
    table(rows, left_out).write(&mut text, style);
    text
}

/// The rows as a table.
pub(super) fn table(rows: &[&Shrinker], left_out: usize) -> Table {
    let columns = [
        figure("label_with_scope"),
        figure("reclaimed_for"),
        figure("cause"),
        figure("node"),
        figure("calls_total"),
        figure("runs_total"),
        figure("asked_objects_total"),
        figure("scanned_objects_total"),
        figure("freed_objects_total"),
        figure("yield"),
        figure("freeable_objects"),
        figure("deferred_objects"),
        figure("time_ns_total"),
        figure("p50_ns"),
        figure("p99_ns"),
        figure("max_ns"),
    ];
    Table::of(&columns, rows.iter().copied(), left_out)
}

/// The sums of all rows in a line.
pub(super) fn sums(rows: &[Shrinker], span_ns: u64) -> String {
    let sum = |figure: fn(&Shrinker) -> u64| {
        let figures = rows.iter().map(figure);
        Some(figures.fold(0, u64::saturating_add))
    };
    format!(
        "shrinkers: {} in {}: {} scanned, {} freed, {}",
        units::things_known(sum(|row| row.count.runs_total.unwrap_or(0)), "run"),
        units::duration(Some(span_ns)),
        units::things_known(sum(|row| row.count.scanned_objects_total), "object"),
        units::count(sum(|row| row.count.freed_objects_total)),
        units::duration(sum(|row| row.count.time_ns_total)),
    )
}

/// Runs by the priority of reclaim, from 12 (scan 1/4096 of a cache) to 0 (all of it).
pub(super) fn priorities(rows: &[Shrinker]) -> String {
    let most = rows.iter().map(|row| row.count.priorities.len()).max();
    let runs = (0..most.unwrap_or(0)).rev().filter_map(|priority| {
        let runs = rows
            .iter()
            .filter_map(|row| row.count.priorities.get(priority));
        let runs = runs.copied().fold(0, u64::saturating_add);
        (runs > 0).then(|| format!("{priority}: {}", units::count(Some(runs))))
    });
    let runs: Vec<_> = runs.collect();
    match runs.is_empty() {
        true => "runs by priority: none".to_owned(),
        false => format!("runs by priority: {}", runs.join("  ")),
    }
}
