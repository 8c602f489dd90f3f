//! Events of a span of time: waits for memory, runs of shrinkers, waits for locks.

use std::cmp::Reverse;

use maud::{Markup, html};

use super::gathered::Gathered;
use super::tables;
use crate::model::pressure;
use crate::model::snapshot::{Reclaim, Section, Shrinker, Snapshot};
use crate::output::table::Table;
use crate::output::{lock_stats, locks, open_ends, reclaim, shrinkers, tree};
use crate::sample::sanitized;

/// Time between the readings of a section at the start and at the end.
fn span_ns<T>(gathered: &Gathered, of: fn(&Snapshot) -> &Section<T>) -> u64 {
    let read = |snapshot: &Snapshot| of(snapshot).as_of_ns.unwrap_or(snapshot.mono_ns);
    read(&gathered.last).saturating_sub(read(&gathered.first))
}

/// Waits for memory, the longest first, and the tasks that wait at the end.
pub(super) fn reclaim(gathered: &Gathered, top: usize) -> Markup {
    let (first, last) = (&gathered.first, &gathered.last);
    if let Some(reason) = &last.reclaim.reason {
        return html! { p { "Not known: " (sanitized(reason)) } };
    }
    let all = pressure::reclaim_since(&first.reclaim.items, &last.reclaim.items);
    let mut rows: Vec<&Reclaim> = all.iter().collect();
    rows.sort_by_key(|row| {
        let count = &row.count;
        let time = (count.stall_ns_total, count.background_ns_total);
        Reverse((time, count.visits_total))
    });
    let left_out = rows.len().saturating_sub(top);
    rows.truncate(top);
    let tables = reclaim::tables(&rows, left_out, last.mono_ns);
    let span_ns = span_ns(gathered, |snapshot| &*snapshot.reclaim);
    html! {
        p { (reclaim::sums(&all, span_ns)) }
        @for (caption, table) in &tables { (tables::markup(caption, table)) }
        (tables::glossary(&tables.iter().map(|(_, table)| table).collect::<Vec<_>>()))
    }
}

/// Runs of shrinkers, those that took longest first.
pub(super) fn shrinkers(gathered: &Gathered, top: usize) -> Markup {
    let (first, last) = (&gathered.first, &gathered.last);
    if let Some(reason) = &last.shrinkers.reason {
        return html! { p { "Not known: " (sanitized(reason)) } };
    }
    let all = pressure::shrinkers_since(&first.shrinkers.items, &last.shrinkers.items);
    let mut rows: Vec<&Shrinker> = all.iter().collect();
    rows.sort_by_key(|row| Reverse((row.count.time_ns_total, row.count.calls_total)));
    let left_out = rows.len().saturating_sub(top);
    rows.truncate(top);
    let table = shrinkers::table(&rows, left_out);
    let span_ns = span_ns(gathered, |snapshot| &*snapshot.shrinkers);
    html! {
        p { (shrinkers::sums(&all, span_ns)) }
        p { (shrinkers::priorities(&all)) }
        (tables::markup("Runs of shrinkers", &table))
        (tables::glossary(&[&table]))
    }
}

/// The waits at the end, and the locks that tasks have waited for.
pub(super) fn waits(gathered: &Gathered) -> Markup {
    let last = &gathered.last;
    let lines = tree::lines(last);
    let lines: Vec<&str> = lines.iter().map(|line| &*line.text).collect();
    let convoys = locks::convoys(last);
    let stats = lock_stats::table(&last.lock_stats.items);
    let tables: [(&str, &Table); 2] = [
        ("Roots of long waits, at the end", &convoys),
        ("Waits for locks that ended, since tracing began", &stats),
    ];
    html! {
        p { (locks::overview(last)) }
        @for line in open_ends::lines(last) { p { (line) } }
        @if !lines.is_empty() {
            h3 { "Who holds, and who waits for it, at the end" }
            pre { (lines.join("\n")) }
        }
        @if let Some(reason) = &last.lock_stats.reason {
            p { "Waits for locks that ended are not known: " (sanitized(reason)) }
        }
        @for (caption, table) in &tables { (tables::markup(caption, table)) }
        @let details = lock_stats::details(last);
        @if !details.is_empty() { pre { (details.join("\n")) } }
        (tables::glossary(&tables.map(|(_, table)| table)))
    }
}
