//! One snapshot as tables for people.

use std::cmp::Reverse;
use std::fmt::Write as _;

pub use super::table::Style;
use super::table::{Row, Table};
use super::{fit, lock_stats, names, summary};
use crate::model::snapshot::{self, LockWait, Memcg, Phase, Snapshot, UNLIMITED_BYTES};
use crate::sample::recording::Host;
use crate::units;

/// Writes a snapshot.
#[must_use]
pub fn render(snapshot: &Snapshot, host: &Host, style: Style) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        let fitted = style.columns.map(|columns| fit::cut_end(&line, columns));
        let _ = writeln!(text, "{}", fitted.as_deref().unwrap_or(&line).trim_end());
    };
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

/// Of which host and moment a text is.
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
    let columns = &[
        ("MEMCG", false),
        ("PHASE", false),
        ("USAGE", true),
        ("HIGH", true),
        ("MAX", true),
        ("SLAB", true),
        ("OWN ALLOC/S", true),
        ("OWN FREE/S", true),
        ("ZOMBIES", true),
    ];
    let row = |memcg: &Memcg| Row {
        cells: vec![
            names::path(Some(&memcg.id)),
            memcg.phase.map_or("alive", Phase::as_str).to_owned(),
            units::bytes(memcg.usage_bytes),
            units::limit(memcg.high_bytes, UNLIMITED_BYTES),
            units::limit(memcg.max_bytes, UNLIMITED_BYTES),
            units::bytes(memcg.slab_bytes),
            units::rate(memcg.slab_alloc_per_sec),
            units::rate(memcg.slab_free_per_sec),
            units::count(Some(memcg.zombies)),
        ],
        is_marked: memcg.phase.is_some(),
    };
    Table {
        columns,
        rows: snapshot.memcgs.items.iter().map(row).collect(),
        left_out: 0,
    }
}

fn slab_table(snapshot: &Snapshot) -> Table {
    let columns = &[
        ("SLAB OF", false),
        ("CACHE", false),
        ("ALLOC/S", true),
        ("FREE/S", true),
        ("ALLOC", true),
        ("FREE", true),
    ];
    let rate =
        |row: &snapshot::Slab| row.alloc_per_sec.unwrap_or(0.0) + row.free_per_sec.unwrap_or(0.0);
    let mut rows: Vec<&snapshot::Slab> = snapshot.slab.items.iter().collect();
    rows.sort_by(|a, b| {
        rate(b)
            .total_cmp(&rate(a))
            .then_with(|| b.alloc_total.cmp(&a.alloc_total))
    });
    Table::brief(columns, &rows, |row| {
        vec![
            names::path(row.memcg.as_deref()),
            row.cache.display().into_owned(),
            units::rate(row.alloc_per_sec),
            units::rate(row.free_per_sec),
            units::count(row.alloc_total),
            units::count(row.free_total),
        ]
    })
}

fn shrinker_table(snapshot: &Snapshot) -> Table {
    let columns = &[
        ("SHRINKER", false),
        ("FOR", false),
        ("CAUSE", false),
        ("NODE", true),
        ("CALLS", true),
        ("SCANNED", true),
        ("FREED", true),
        ("TIME", true),
        ("MAX", true),
    ];
    let mut rows: Vec<&snapshot::Shrinker> = snapshot.shrinkers.items.iter().collect();
    rows.sort_by_key(|row| Reverse(row.time_ns_total));
    Table::brief(columns, &rows, |row| {
        vec![
            names::shrinker(row),
            names::reclaimed_for(row),
            names::cause(row.cause),
            row.node.to_string(),
            units::count(row.calls_total),
            units::count(Some(row.scanned_objects_total)),
            units::count(Some(row.freed_objects_total)),
            units::duration(Some(row.time_ns_total)),
            units::duration(Some(row.max_ns)),
        ]
    })
}

fn reclaim_table(snapshot: &Snapshot) -> Table {
    let columns = &[
        ("RECLAIM OF", false),
        ("CAUSE", false),
        ("LIMIT OF", false),
        ("STALLS", true),
        ("TIME", true),
        ("P99", true),
        ("MAX", true),
        ("BACKGROUND", true),
        ("SCANNED", true),
        ("TAKEN", true),
    ];
    let mut rows: Vec<&snapshot::Reclaim> = snapshot.reclaim.items.iter().collect();
    rows.sort_by_key(|row| Reverse((row.count.stall_ns_total, row.count.background_ns_total)));
    Table::brief(columns, &rows, |row| {
        let pages = |pages| units::count(row.counts_pages.then_some(pages));
        vec![
            names::path(row.memcg.as_deref()),
            names::cause(row.count.cause),
            names::limited_by(row),
            units::count(Some(row.count.stalls_total)),
            units::duration(Some(row.count.stall_ns_total)),
            units::duration(row.count.p99_ns),
            units::duration(Some(row.count.max_ns)),
            units::duration(Some(row.count.background_ns_total)),
            pages(row.count.scanned_pages_total),
            pages(row.count.reclaimed_pages_total),
        ]
    })
}

fn wait_table(waits: &[LockWait]) -> Table {
    let columns = &[
        ("WAITING", true),
        ("TASK", false),
        ("FOR LOCK", false),
        ("KIND", false),
        ("MODE", false),
        ("HELD BY", false),
        ("MEMCG", false),
    ];
    let rows: Vec<&LockWait> = waits.iter().collect();
    Table::brief(columns, &rows, |wait| {
        vec![
            waited(wait),
            names::task(Some(&wait.task)),
            names::lock(&wait.resource),
            names::resource_kind(wait.resource.kind).to_owned(),
            names::mode(wait.mode).to_owned(),
            names::task(wait.owner.as_ref()),
            names::path(wait.memcg.as_deref()),
        ]
    })
}

/// How long a wait has been going on; with a question mark if its task ran when it was looked at.
fn waited(wait: &LockWait) -> String {
    let waited = units::duration(Some(wait.waited_ns));
    match wait.unconfirmed {
        true => format!("{waited}?"),
        false => waited,
    }
}
