//! The tab of reclaim.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::columns::Column;
use super::section_view::SectionView;
use super::table::Table;
use crate::model::snapshot::Reclaim;
use crate::output::names;

pub(super) fn view() -> SectionView<Reclaim> {
    SectionView {
        name: "reclaim",
        section: |snapshot| &snapshot.reclaim,
        matches,
        identity,
        table: Table::by("STALL/S", COLUMNS),
    }
}

const COLUMNS: &[Column<Reclaim>] = &[
    Column::new("path", 0, 0),
    Column::new("cause", 9, 1),
    Column::new("limited_by", 18, 6),
    Column::new("stall_ns_per_sec", 9, 2),
    Column::new("recent_stall_ns", 10, 7),
    Column::new("stalls_total", 7, 3),
    Column::new("p99_ns", 8, 5),
    Column::new("max_ns", 8, 9),
    Column::new("background_ns_total", 10, 10),
    Column::new("scanned_pages_total", 8, 8),
    Column::new("reclaimed_pages_total", 8, 4),
    Column::new("usage_bytes", 9, 11),
    Column::new("high_bytes", 9, 12),
    Column::new("max_bytes", 9, 13).titled("MEMMAX"),
];

fn matches(row: &Reclaim, filter: &str) -> bool {
    let words = [
        names::path(row.memcg.as_deref()),
        names::cause(row.count.cause),
        names::limited_by(row),
    ];
    words
        .iter()
        .any(|word| word.to_lowercase().contains(filter))
}

fn identity(row: &Reclaim) -> u64 {
    let mut hasher = DefaultHasher::new();
    let count = &row.count;
    (count.memcg_serial_nr, count.cause, count.limit_serial_nr).hash(&mut hasher);
    hasher.finish()
}
