//! The table of lock statistics: sums of waits that ended.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::columns::Column;
use crate::model::snapshot::LockStats;
use crate::output::figures;
use crate::output::names;

pub(super) const COLUMNS: &[Column<LockStats>] = &[
    Column::new("lock", 0, 0),
    Column::new("kind", 12, 4),
    Column::new("wait_ns_total", 9, 1).titled("WAITED"),
    Column::new("waits_total", 8, 2),
    Column::new("max_ns", 9, 3).titled("LONGEST"),
    Column::new("p50_ns", 9, 8),
    Column::new("p99_ns", 9, 7),
    Column::new("held_by", 20, 9),
    Column::new("unmeasured_total", 11, 6),
    Column::new("most_by", 24, 5),
];

/// Whether a row contains the filter's text, which is lower case.
pub(super) fn matches(lock: &LockStats, filter: &str) -> bool {
    let name = names::lock(&lock.resource).to_lowercase();
    name.contains(filter)
        || figures::cell(lock, "most_by")
            .to_lowercase()
            .contains(filter)
}

/// Identity of a lock, which keeps the selection on its row.
pub(super) fn identity(lock: &LockStats) -> u64 {
    let mut hasher = DefaultHasher::new();
    (lock.resource.addr, &lock.resource.name).hash(&mut hasher);
    hasher.finish()
}
