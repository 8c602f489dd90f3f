//! Reclaim and the tasks that wait for it, for people.

use std::cmp::Reverse;

use super::figures::record;
use super::records::{Path, ReclaimCause, Stall, StalledTask, Waited};
use super::table::{Style, Table, figure};
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
    for (_, table) in tables(rows, left_out, snapshot.mono_ns) {
        table.write(&mut text, style);
    }
    text
}

/// The rows as tables, each with a caption.
pub(super) fn tables(
    rows: &[&Reclaim],
    left_out: usize,
    now_ns: u64,
) -> [(&'static str, Table); 4] {
    [
        (
            "Waits for memory, by memory cgroup, cause and limit",
            count_table(rows, left_out),
        ),
        ("Limits", limit_table(rows)),
        ("Tasks that waited longest", task_table(rows)),
        ("Tasks that wait at the end", stall_table(rows, now_ns)),
    ]
}

/// The sums of all rows in a line.
pub(super) fn sums(rows: &[Reclaim], span_ns: u64) -> String {
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

record! {
    /// A task that waited for memory, and whose memory.
    struct Worst<'a> {
        @part task: StalledTask<'a>,
        /// The memory cgroup that memory was reclaimed from.
        @column memcg: Path<'a> => "MEMCG",
    }
}

fn task_table(rows: &[&Reclaim]) -> Table {
    let columns = [
        figure("task"),
        figure("memcg"),
        figure("stalls_total"),
        figure("stall_ns_total"),
        figure("max_ns"),
    ];
    let mut tasks: Vec<_> = rows
        .iter()
        .flat_map(|row| row.worst_tasks.iter().map(|task| (task, *row)))
        .collect();
    // A memcg has a row for each cause, and each row names its worst tasks.
    tasks.sort_by_key(|(task, _)| (Reverse(task.stall_ns_total), task.tid));
    tasks.dedup_by_key(|(task, _)| (task.tid, task.stall_ns_total));
    let rows = tasks.iter().take(MAX_TASKS).map(|(task, row)| Worst {
        task: StalledTask::of(task),
        memcg: Path(row.memcg.as_deref()),
    });
    Table::of(&columns, &rows.collect::<Vec<_>>(), 0)
}

record! {
    /// A task that waits at the moment, and for what.
    struct Waiting<'a> {
        @part stall: Stall<'a>,
        /// The memory cgroup that memory is reclaimed from.
        @column memcg: Path<'a> => "MEMCG",
        /// The cause of the reclaim.
        @column cause: ReclaimCause => "CAUSE",
        /// The memory cgroup that has the limit: own, or an ancestor.
        @column limited_by: String => "LIMIT OF",
        /// Time that it has waited, with a question mark if the wait may be over.
        @column waited_ns: Waited => "FOR",
    }
}

/// The tasks that wait at the moment, with a question mark if the wait may be over.
fn stall_table(rows: &[&Reclaim], now_ns: u64) -> Table {
    let columns = [
        figure("task"),
        figure("memcg"),
        figure("cause"),
        figure("limited_by"),
        figure("waited_ns"),
    ];
    let mut stalls: Vec<_> = rows
        .iter()
        .flat_map(|row| row.stalls.iter().map(|stall| (stall, *row)))
        .collect();
    stalls.sort_by_key(|(stall, _)| (stall.since_ns, stall.task.tid));
    let rows = stalls.iter().take(MAX_TASKS).map(|(stall, row)| Waiting {
        stall: Stall::of(stall),
        memcg: Path(row.memcg.as_deref()),
        cause: ReclaimCause(stall.cause),
        limited_by: names::limited_by(row),
        waited_ns: Waited {
            ns: Some(now_ns.saturating_sub(stall.since_ns)),
            unconfirmed: stall.unconfirmed,
        },
    });
    let left_out = stalls.len().saturating_sub(MAX_TASKS);
    Table::of(&columns, &rows.collect::<Vec<_>>(), left_out)
}
