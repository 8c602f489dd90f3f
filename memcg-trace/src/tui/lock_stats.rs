//! The sums of locks: waits that ended.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::columns::Column;
use super::view::Word;
use crate::model::snapshot::LockStats;
use crate::output::names;
use crate::sample::Task;
use crate::units;

pub(super) const WORDS: &[Word] = &[
    ("WAITED", "time that tasks waited for it, in all"),
    (
        "LONGEST",
        "the longest wait; P50 is what every second wait exceeds",
    ),
    ("HELD BY", "who has it now, with --trace-acquisitions"),
    (
        "UNMEASURED",
        "waits whose length is not known, which WAITED leaves out",
    ),
    ("MOST BY", "the memcg whose tasks waited longest"),
];

pub(super) const COLUMNS: &[Column<LockStats>] = &[
    Column {
        title: "LOCK",
        width: 0,
        is_figure: false,
        rank: 0,
        cell: |lock| names::lock(&lock.resource),
        compare: |a, b| a.resource.cmp(&b.resource),
    },
    Column {
        title: "KIND",
        width: 12,
        is_figure: false,
        rank: 4,
        cell: |lock| names::resource_kind(lock.resource.kind).to_owned(),
        compare: |a, b| a.resource.kind.cmp(&b.resource.kind),
    },
    Column {
        title: "WAITED",
        width: 9,
        is_figure: true,
        rank: 1,
        cell: |lock| units::duration(Some(lock.wait_ns_total)),
        compare: |a, b| a.wait_ns_total.cmp(&b.wait_ns_total),
    },
    Column {
        title: "WAITS",
        width: 8,
        is_figure: true,
        rank: 2,
        cell: |lock| units::count(Some(lock.waits_total)),
        compare: |a, b| a.waits_total.cmp(&b.waits_total),
    },
    Column {
        title: "LONGEST",
        width: 9,
        is_figure: true,
        rank: 3,
        cell: |lock| units::duration(Some(lock.max_ns)),
        compare: |a, b| a.max_ns.cmp(&b.max_ns),
    },
    Column {
        title: "P50",
        width: 9,
        is_figure: true,
        rank: 8,
        cell: |lock| units::duration(lock.p50_ns),
        compare: |a, b| a.p50_ns.cmp(&b.p50_ns),
    },
    Column {
        title: "P99",
        width: 9,
        is_figure: true,
        rank: 7,
        cell: |lock| units::duration(lock.p99_ns),
        compare: |a, b| a.p99_ns.cmp(&b.p99_ns),
    },
    Column {
        title: "HELD BY",
        width: 20,
        is_figure: false,
        rank: 9,
        cell: held_by,
        compare: |a, b| held_by(a).cmp(&held_by(b)),
    },
    Column {
        title: "UNMEASURED",
        width: 11,
        is_figure: true,
        rank: 6,
        cell: |lock| units::count(Some(lock.unmeasured_total)),
        compare: |a, b| a.unmeasured_total.cmp(&b.unmeasured_total),
    },
    Column {
        title: "MOST BY",
        width: 24,
        is_figure: false,
        rank: 5,
        cell: most_by,
        compare: |a, b| most_by(a).cmp(&most_by(b)),
    },
];

/// The memcg whose tasks waited longest.
fn most_by(lock: &LockStats) -> String {
    names::path(lock.memcgs.first().and_then(|memcg| memcg.memcg.as_deref()))
}

/// Who has the lock now, where that is traced.
fn held_by(lock: &LockStats) -> String {
    let mut holders = lock.held.iter().flat_map(|held| &held.holders);
    let name = |task: &Task| format!("{}[{}]", task.comm.display(), task.tid);
    match (lock.held.is_empty(), holders.next()) {
        (true, _) => units::UNKNOWN.to_owned(),
        (false, None) => String::new(),
        (false, Some(first)) => name(&first.task),
    }
}

/// Whether a row has a text in it; `filter` is lower case.
pub(super) fn matches(lock: &LockStats, filter: &str) -> bool {
    let name = names::lock(&lock.resource).to_lowercase();
    name.contains(filter) || most_by(lock).to_lowercase().contains(filter)
}

/// Identity of a lock, for the selection.
pub(super) fn identity(lock: &LockStats) -> u64 {
    let mut hasher = DefaultHasher::new();
    (lock.resource.addr, &lock.resource.name).hash(&mut hasher);
    hasher.finish()
}
