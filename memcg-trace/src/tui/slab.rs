//! The table of slab objects, per memcg and cache.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::columns::Column;
use crate::model::snapshot::Slab;
use crate::output::names;

pub(super) const COLUMNS: &[Column<Slab>] = &[
    Column::new("path", 0, 0),
    Column::new("cache", 20, 1),
    Column::new("objects", 8, 2),
    Column::new("share_bytes", 10, 5),
    Column::new("utilization", 5, 6),
    Column::new("inherited_objects", 9, 9),
    Column::new("alloc_per_sec", 8, 3),
    Column::new("free_per_sec", 8, 4),
    Column::new("alloc_total", 8, 8),
    Column::new("free_total", 8, 10),
    Column::new("net_objects", 8, 7),
    Column::new("net_bytes", 10, 11),
];

/// Whether a row contains the filter's text, which is lower case.
pub(super) fn matches(row: &Slab, filter: &str) -> bool {
    names::path(row.memcg.as_deref())
        .to_lowercase()
        .contains(filter)
        || row.cache.display().to_lowercase().contains(filter)
}

/// Identity of a row, which keeps the selection on it.
pub(super) fn identity(row: &Slab) -> u64 {
    let mut hasher = DefaultHasher::new();
    row.memcg
        .as_ref()
        .map(|memcg| memcg.serial_nr)
        .hash(&mut hasher);
    row.cache.hash(&mut hasher);
    hasher.finish()
}
