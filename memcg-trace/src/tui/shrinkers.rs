//! The tab of shrinkers.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::columns::Column;
use super::section_view::SectionView;
use super::table::Table;
use crate::model::snapshot::Shrinker;
use crate::output::names;

pub(super) fn view() -> SectionView<Shrinker> {
    SectionView {
        name: "shrinkers",
        section: |snapshot| &snapshot.shrinkers,
        matches,
        identity,
        table: Table::by("SCAN/S", COLUMNS),
    }
}

const COLUMNS: &[Column<Shrinker>] = &[
    Column::new("label", 0, 0),
    Column::new("reclaimed_for", 22, 3),
    Column::new("cause", 11, 4),
    Column::new("node", 5, 13),
    Column::new("scanned_per_sec", 8, 1),
    Column::new("recent_scanned", 10, 9),
    Column::new("calls_total", 8, 8),
    Column::new("scanned_objects_total", 8, 5),
    Column::new("freed_objects_total", 8, 2),
    Column::new("yield", 6, 6),
    Column::new("freeable_objects", 8, 10),
    Column::new("deferred_objects", 9, 12),
    Column::new("time_ns_total", 9, 3),
    Column::new("p99_ns", 9, 7),
    Column::new("max_ns", 9, 11),
];

fn matches(row: &Shrinker, filter: &str) -> bool {
    names::shrinker(row).to_lowercase().contains(filter)
        || names::cause(row.count.cause).contains(filter)
        || names::reclaimed_for(row).to_lowercase().contains(filter)
}

fn identity(row: &Shrinker) -> u64 {
    let mut hasher = DefaultHasher::new();
    let memcg = row.memcg.as_ref().map(|memcg| memcg.serial_nr);
    (
        memcg,
        &row.shrinker,
        &row.count.dev,
        row.count.node,
        row.count.cause,
    )
        .hash(&mut hasher);
    hasher.finish()
}
