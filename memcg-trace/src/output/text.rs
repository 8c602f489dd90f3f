//! One snapshot as tables for people.

use std::cmp::Reverse;

use super::records::{LockWait, MEMCG_COLUMNS};
pub use super::table::Style;
use super::table::{Table, figure, titled};
use super::{fit, lock_stats, summary};
use crate::model::snapshot::{self, Snapshot};
use crate::sample::recording::Host;
use crate::units;

#[must_use]
pub fn render(snapshot: &Snapshot, host: &Host, style: Style) -> String {
    let mut text = String::new();
    let mut line = |line: String| fit::push_line(&mut text, line.trim_end(), style.columns);
    line(heading(snapshot, host));
    line(summary::population(snapshot));
    for absent in summary::absences(snapshot) {
        line(absent);
    }
    let news = [
        summary::deadlock(snapshot),
        summary::worst_finding(snapshot),
    ];
    news.into_iter().flatten().for_each(&mut line);
    line(summary::longest_wait(snapshot));
    memcg_table(snapshot).write(&mut text, style);
    slab_table(snapshot).write(&mut text, style);
    shrinker_table(snapshot).write(&mut text, style);
    reclaim_table(snapshot).write(&mut text, style);
    wait_table(&snapshot.lock_waits.items).write(&mut text, style);
    lock_stats::table(&snapshot.lock_stats.items).write(&mut text, style);
    text
}

/// The host and the time of a text.
pub(super) fn heading(snapshot: &Snapshot, host: &Host) -> String {
    format!(
        "host {}  kernel {}  {}  interval {}  {}",
        name(&host.host.display()),
        name(&host.kernel.display()),
        units::time(snapshot.unix_ns),
        units::duration(snapshot.interval_ns),
        summary::lost(snapshot),
    )
}

fn name(name: &str) -> &str {
    if name.is_empty() {
        units::UNKNOWN
    } else {
        name
    }
}

fn memcg_table(snapshot: &Snapshot) -> Table {
    let memcgs = &snapshot.memcgs.items;
    let dead = memcgs.iter().map(|memcg| memcg.phase.is_some());
    Table::like_screen(MEMCG_COLUMNS, memcgs).marked(dead)
}

fn slab_table(snapshot: &Snapshot) -> Table {
    let columns = [
        titled("SLAB OF", "path"),
        figure("cache"),
        figure("alloc_per_sec"),
        figure("free_per_sec"),
        figure("alloc_total"),
        figure("free_total"),
    ];
    let rate =
        |row: &snapshot::Slab| row.alloc_per_sec.unwrap_or(0.0) + row.free_per_sec.unwrap_or(0.0);
    let mut rows: Vec<&snapshot::Slab> = snapshot.slab.items.iter().collect();
    rows.sort_by(|a, b| {
        rate(b)
            .total_cmp(&rate(a))
            .then_with(|| b.alloc_total.cmp(&a.alloc_total))
    });
    Table::brief(&columns, &rows)
}

fn shrinker_table(snapshot: &Snapshot) -> Table {
    let columns = [
        figure("label"),
        figure("reclaimed_for"),
        figure("cause"),
        figure("node"),
        figure("calls_total"),
        figure("scanned_objects_total"),
        figure("freed_objects_total"),
        figure("time_ns_total"),
        figure("max_ns"),
    ];
    let mut rows: Vec<&snapshot::Shrinker> = snapshot.shrinkers.items.iter().collect();
    rows.sort_by_key(|row| Reverse(row.count.time_ns_total));
    Table::brief(&columns, &rows)
}

fn reclaim_table(snapshot: &Snapshot) -> Table {
    let columns = [
        titled("RECLAIM OF", "path"),
        figure("cause"),
        figure("limited_by"),
        figure("stalls_total"),
        figure("stall_ns_total"),
        figure("p99_ns"),
        figure("max_ns"),
        figure("background_ns_total"),
        figure("scanned_pages_total"),
        figure("reclaimed_pages_total"),
    ];
    let mut rows: Vec<&snapshot::Reclaim> = snapshot.reclaim.items.iter().collect();
    rows.sort_by_key(|row| Reverse((row.count.stall_ns_total, row.count.background_ns_total)));
    Table::brief(&columns, &rows)
}

fn wait_table(waits: &[snapshot::LockWait]) -> Table {
    let columns = [
        figure("waited_ns"),
        figure("task"),
        figure("resource"),
        figure("kind"),
        figure("mode"),
        figure("held_by"),
        figure("path"),
    ];
    let rows: Vec<LockWait> = waits.iter().map(LockWait::from).collect();
    Table::brief(&columns, &rows.iter().collect::<Vec<_>>())
}
