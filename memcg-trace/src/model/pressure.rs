//! Reclaim and shrinkers between two snapshots: the differences of their sums.

use std::collections::HashMap;

use super::snapshot::{Reclaim, Shrinker};
use crate::sample::Shrinker as ShrinkerCount;
use crate::sample::reclaim::{ReclaimCount, StalledTask};

/// Returns the rows of reclaim that grew. Rows with stalls before the first snapshot have no
/// percentiles.
#[must_use]
pub fn reclaim_since(first: &[Reclaim], last: &[Reclaim]) -> Vec<Reclaim> {
    let key = |row: &Reclaim| {
        let count = &row.count;
        (count.memcg_serial_nr, count.cause, count.limit_serial_nr)
    };
    let before: HashMap<_, _> = first.iter().map(|row| (key(row), row)).collect();
    let rows = last.iter().map(|row| match before.get(&key(row)) {
        Some(first) => Reclaim {
            count: count_since(&first.count, &row.count),
            worst_tasks: tasks_since(&first.worst_tasks, &row.worst_tasks),
            ..row.clone()
        },
        None => row.clone(),
    });
    let does = |row: &Reclaim| did_something(&row.count) || !row.stalls.is_empty();
    rows.filter(does).collect()
}

fn count_since(first: &ReclaimCount, last: &ReclaimCount) -> ReclaimCount {
    let grown = |figure: fn(&ReclaimCount) -> u64| figure(last).saturating_sub(figure(first));
    let stall_ns_total = grown(|one| one.stall_ns_total);
    let is_whole = first.stalls_total == 0;
    ReclaimCount {
        stalls_total: grown(|one| one.stalls_total),
        stall_ns_total,
        p50_ns: last.p50_ns.filter(|_| is_whole),
        p99_ns: last.p99_ns.filter(|_| is_whole),
        max_ns: last.max_ns.min(stall_ns_total),
        throttles_total: grown(|one| one.throttles_total),
        throttle_ns_total: grown(|one| one.throttle_ns_total),
        background_total: grown(|one| one.background_total),
        background_ns_total: grown(|one| one.background_ns_total),
        visits_total: grown(|one| one.visits_total),
        visit_ns_total: grown(|one| one.visit_ns_total),
        scanned_pages_total: grown(|one| one.scanned_pages_total),
        reclaimed_pages_total: grown(|one| one.reclaimed_pages_total),
        ..last.clone()
    }
}

fn did_something(count: &ReclaimCount) -> bool {
    let figures = [
        count.stalls_total,
        count.background_total,
        count.visits_total,
        count.scanned_pages_total,
    ];
    figures.iter().any(|figure| *figure > 0)
}

fn tasks_since(first: &[StalledTask], last: &[StalledTask]) -> Vec<StalledTask> {
    let before: HashMap<_, _> = first.iter().map(|one| ((one.pid, one.tid), one)).collect();
    let tasks = last
        .iter()
        .map(|one| match before.get(&(one.pid, one.tid)) {
            Some(first) => {
                let stall_ns_total = one.stall_ns_total.saturating_sub(first.stall_ns_total);
                StalledTask {
                    stalls_total: one.stalls_total.saturating_sub(first.stalls_total),
                    stall_ns_total,
                    max_ns: one.max_ns.min(stall_ns_total),
                    ..one.clone()
                }
            }
            None => one.clone(),
        });
    tasks.filter(|one| one.stalls_total > 0).collect()
}

/// Returns the rows of shrinkers that grew. Rows with runs before the first snapshot have no
/// percentiles.
#[must_use]
pub fn shrinkers_since(first: &[Shrinker], last: &[Shrinker]) -> Vec<Shrinker> {
    let key = |row: &Shrinker| {
        let memcg = row.memcg.as_ref().map(|id| id.serial_nr);
        let (fs, dev) = (row.count.fs.clone(), row.count.dev.clone());
        (
            row.shrinker.clone(),
            fs,
            dev,
            memcg,
            row.count.node,
            row.count.cause,
        )
    };
    let mut before: HashMap<_, Vec<&Shrinker>> = HashMap::new();
    // Several rows may have the same key: they are in the same order each time.
    for row in first.iter().rev() {
        before.entry(key(row)).or_default().push(row);
    }
    let rows = last.iter().map(|row| {
        let first = before.get_mut(&key(row)).and_then(Vec::pop);
        first.map_or_else(
            || row.clone(),
            |first| Shrinker {
                count: shrinker_count_since(&first.count, &row.count),
                ..row.clone()
            },
        )
    });
    let did_something = |row: &Shrinker| {
        let calls = [row.count.calls_total, row.count.runs_total];
        row.count.scanned_objects_total > 0 || calls.iter().flatten().any(|calls| *calls > 0)
    };
    rows.filter(did_something).collect()
}

fn shrinker_count_since(first: &ShrinkerCount, last: &ShrinkerCount) -> ShrinkerCount {
    let grown = |figure: fn(&ShrinkerCount) -> u64| figure(last).saturating_sub(figure(first));
    let known = |figure: fn(&ShrinkerCount) -> Option<u64>| {
        let (last, first) = figure(last).zip(figure(first))?;
        Some(last.saturating_sub(first))
    };
    let time_ns_total = grown(|one| one.time_ns_total);
    let is_whole = first.runs_total == Some(0);
    let before = first.priorities.iter().chain(std::iter::repeat(&0));
    let priorities = last.priorities.iter().zip(before);
    ShrinkerCount {
        calls_total: known(|one| one.calls_total),
        asked_objects_total: grown(|one| one.asked_objects_total),
        scanned_objects_total: grown(|one| one.scanned_objects_total),
        freed_objects_total: grown(|one| one.freed_objects_total),
        time_ns_total,
        max_ns: last.max_ns.min(time_ns_total),
        p50_ns: last.p50_ns.filter(|_| is_whole),
        p99_ns: last.p99_ns.filter(|_| is_whole),
        runs_total: known(|one| one.runs_total),
        priorities: priorities
            .map(|(last, first)| last.saturating_sub(*first))
            .collect(),
        ..last.clone()
    }
}
