//! Reclaim and the tasks that wait for it, for people.

use std::cmp::Reverse;

use super::table::{Row, Style, Table, figure};
use super::{fit, names, text};
use crate::model::snapshot::{Reclaim, Snapshot};
use crate::sample::recording::Host;
use crate::sample::sanitized;
use crate::units;

/// Maximum number of tasks that are shown.
const MAX_TASKS: usize = 10;

/// Writes the reclaim of a snapshot: `rows` in the given order; `left_out` is the number of rows
/// that were not asked for, `span_ns` the time of the sums.
#[must_use]
pub fn render(
    snapshot: &Snapshot,
    host: &Host,
    rows: &[&Reclaim],
    left_out: usize,
    span_ns: u64,
    style: Style,
) -> String {
    let mut text = String::new();
    let mut line = |line: String| fit::push_line(&mut text, &line, style.columns);
    line(text::heading(snapshot, host));
    if let Some(reason) = &snapshot.reclaim.reason {
        line(format!("no reclaim figures: {}", sanitized(reason)));
    } else {
        line(sums(&snapshot.reclaim.items, span_ns));
    }
    count_table(rows, left_out).write(&mut text, style);
    limit_table(rows).write(&mut text, style);
    task_table(rows).write(&mut text, style);
    stall_table(rows, snapshot.mono_ns).write(&mut text, style);
    text
}

fn sums(rows: &[Reclaim], span_ns: u64) -> String {
    let sum = |figure: fn(&Reclaim) -> u64| {
        let figures = rows.iter().map(figure);
        Some(figures.fold(0, u64::saturating_add))
    };
    format!(
        "reclaim in {}: {} took {}, {} of them asleep over memory.high; {} in the background",
        units::duration(Some(span_ns)),
        units::things_known(sum(|row| row.count.stalls_total), "stall"),
        units::duration(sum(|row| row.count.stall_ns_total)),
        units::count(sum(|row| row.count.throttles_total)),
        units::duration(sum(|row| row.count.background_ns_total)),
    )
}

fn count_table(rows: &[&Reclaim], left_out: usize) -> Table {
    let columns = [
        figure("path"),
        figure("cause"),
        figure("limited_by"),
        figure("stalls_total"),
        figure("stall_ns_total"),
        figure("p50_ns"),
        figure("p99_ns"),
        figure("max_ns"),
        figure("throttles_total"),
        figure("background_ns_total"),
        figure("scanned_pages_total"),
        figure("reclaimed_pages_total"),
        figure("yield"),
        figure("recent_stall_ns"),
    ];
    Table::of(&columns, rows.iter().copied(), left_out)
}

/// The memcgs of the rows that have a limit or figures of pressure.
fn limit_table(rows: &[&Reclaim]) -> Table {
    let columns = [
        figure("path"),
        figure("usage_bytes"),
        figure("high_bytes"),
        figure("max_bytes"),
        figure("headroom_bytes"),
        figure("psi_some_ns_total"),
        figure("psi_full_ns_total"),
    ];
    let mut memcgs: Vec<&&Reclaim> = rows
        .iter()
        .filter(|row| row.headroom_bytes().is_some() || row.pressure.is_some())
        .collect();
    memcgs.sort_by_key(|row| row.count.memcg_serial_nr);
    memcgs.dedup_by_key(|row| row.count.memcg_serial_nr);
    memcgs.sort_by_key(|row| row.headroom_bytes().unwrap_or(i64::MAX));
    Table::of(&columns, memcgs.into_iter().copied(), 0)
}

fn task_table(rows: &[&Reclaim]) -> Table {
    let columns = &[
        ("TASK", false),
        ("MEMCG", false),
        ("STALLS", true),
        ("TIME", true),
        ("MAX", true),
    ];
    let mut tasks: Vec<_> = rows
        .iter()
        .flat_map(|row| row.worst_tasks.iter().map(|task| (task, *row)))
        .collect();
    // A memcg has a row for each cause, and each row names its worst tasks.
    tasks.sort_by_key(|(task, _)| (Reverse(task.stall_ns_total), task.tid));
    tasks.dedup_by_key(|(task, _)| (task.tid, task.stall_ns_total));
    let cells = tasks.iter().take(MAX_TASKS).map(|(task, row)| {
        plain(vec![
            format!("{}[{}]", task.comm.display(), task.tid),
            names::path(row.memcg.as_deref()),
            units::count(Some(task.stalls_total)),
            units::duration(Some(task.stall_ns_total)),
            units::duration(Some(task.max_ns)),
        ])
    });
    Table::new(columns, cells.collect(), 0)
}

/// The tasks that wait at the moment, with a question mark if the wait may be over.
fn stall_table(rows: &[&Reclaim], now_ns: u64) -> Table {
    let columns = &[
        ("WAITS NOW", false),
        ("MEMCG", false),
        ("CAUSE", false),
        ("LIMIT OF", false),
        ("FOR", true),
    ];
    let mut stalls: Vec<_> = rows
        .iter()
        .flat_map(|row| row.stalls.iter().map(|stall| (stall, *row)))
        .collect();
    stalls.sort_by_key(|(stall, _)| (stall.since_ns, stall.task.tid));
    let cells = stalls.iter().take(MAX_TASKS).map(|(stall, row)| {
        let waited = units::duration(Some(now_ns.saturating_sub(stall.since_ns)));
        plain(vec![
            format!("{}[{}]", stall.task.comm.display(), stall.task.tid),
            names::path(row.memcg.as_deref()),
            names::cause(stall.cause),
            names::limited_by(row),
            match stall.unconfirmed {
                true => format!("{waited}?"),
                false => waited,
            },
        ])
    });
    Table::new(
        columns,
        cells.collect(),
        stalls.len().saturating_sub(MAX_TASKS),
    )
}

fn plain(cells: Vec<String>) -> Row {
    Row {
        cells,
        is_marked: false,
    }
}
