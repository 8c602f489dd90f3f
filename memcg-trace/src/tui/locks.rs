//! The tab of locks: waits that go on, and below them the sums of those that ended.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::columns::Column;
use crate::model::snapshot::{LockStats, LockWait};
use crate::output::{names, units};
use crate::sample::Resource;

/// Sorted by the same column as [`STATS`]: the two say the same of one wait and of many.
pub(super) const WAITS: &[Column<LockWait>] = &[
    Column {
        title: "LOCK WAITED FOR",
        width: 0,
        is_figure: false,
        rank: 0,
        cell: |wait| names::lock(&wait.resource),
        compare: |a, b| a.resource.cmp(&b.resource),
    },
    Column {
        title: "KIND",
        width: 12,
        is_figure: false,
        rank: 5,
        cell: |wait| names::resource_kind(wait.resource.kind).to_owned(),
        compare: |a, b| a.resource.kind.cmp(&b.resource.kind),
    },
    Column {
        title: "WAITING",
        width: 9,
        is_figure: true,
        rank: 1,
        cell: |wait| units::duration(Some(wait.waited_ns)),
        compare: |a, b| a.waited_ns.cmp(&b.waited_ns),
    },
    Column {
        title: "MODE",
        width: 6,
        is_figure: false,
        rank: 6,
        cell: |wait| names::mode(wait.mode).to_owned(),
        compare: |a, b| names::mode(a.mode).cmp(names::mode(b.mode)),
    },
    Column {
        title: "TASK",
        width: 20,
        is_figure: false,
        rank: 2,
        cell: |wait| names::task(Some(&wait.task)),
        compare: |a, b| a.task.comm.cmp(&b.task.comm),
    },
    Column {
        title: "HELD BY",
        width: 20,
        is_figure: false,
        rank: 3,
        cell: |wait| names::task(wait.owner.as_ref()),
        compare: |a, b| names::task(a.owner.as_ref()).cmp(&names::task(b.owner.as_ref())),
    },
    Column {
        title: "MEMCG",
        width: 24,
        is_figure: false,
        rank: 4,
        cell: |wait| names::path(wait.memcg.as_deref()),
        compare: |a, b| names::path(a.memcg.as_deref()).cmp(&names::path(b.memcg.as_deref())),
    },
];

/// As many columns as [`WAITS`].
pub(super) const STATS: &[Column<LockStats>] = &[
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

/// `WAITING` and `WAITED`.
pub(super) const DEFAULT_SORT: usize = 2;

/// The memcg whose tasks waited longest.
fn most_by(lock: &LockStats) -> String {
    names::path(lock.memcgs.first().and_then(|memcg| memcg.memcg.as_deref()))
}

fn lock_matches(resource: &Resource, filter: &str) -> bool {
    names::lock(resource).to_lowercase().contains(filter)
}

/// Whether a wait has a text in it; `filter` is lower case.
pub(super) fn wait_matches(wait: &LockWait, filter: &str) -> bool {
    lock_matches(&wait.resource, filter)
        || names::task(Some(&wait.task))
            .to_lowercase()
            .contains(filter)
        || names::task(wait.owner.as_ref())
            .to_lowercase()
            .contains(filter)
        || names::path(wait.memcg.as_deref())
            .to_lowercase()
            .contains(filter)
}

/// Likewise for the sums of a lock.
pub(super) fn stats_match(lock: &LockStats, filter: &str) -> bool {
    lock_matches(&lock.resource, filter) || most_by(lock).to_lowercase().contains(filter)
}

/// Identity of a wait, for the selection.
pub(super) fn wait_identity(wait: &LockWait) -> u64 {
    let mut hasher = DefaultHasher::new();
    (wait.task.tid, wait.since_ns).hash(&mut hasher);
    hasher.finish()
}

/// Identity of a lock, for the selection.
pub(super) fn stats_identity(lock: &LockStats) -> u64 {
    let mut hasher = DefaultHasher::new();
    (lock.resource.addr, &lock.resource.name).hash(&mut hasher);
    hasher.finish()
}
