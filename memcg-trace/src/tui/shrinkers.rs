//! The tab of shrinkers.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::columns::Column;
use super::picture::Picture;
use super::section_view::SectionView;
use super::table::Table;
use crate::model::snapshot::{Shrinker, Snapshot};
use crate::output::names;
use crate::units;

pub(super) fn view() -> SectionView<Shrinker> {
    SectionView {
        name: "shrinkers",
        section: |snapshot| &snapshot.shrinkers,
        matches,
        identity,
        table: Table::by("SCAN/S", COLUMNS),
        pictures: (4, pictures),
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

/// Recent scans, their yield, the priorities of reclaim, and how long runs take.
fn pictures(row: &Shrinker, _: &Snapshot) -> Vec<Picture> {
    let count = &row.count;
    let rate = units::rate(row.scanned_per_sec);
    let freed = units::count(Some(count.freed_objects_total));
    let scanned = units::count(Some(count.scanned_objects_total));
    // From 12, the lightest, to 0.
    let priorities = count.priorities.iter().rev().copied().map(Some).collect();
    let max_ns = count
        .runs_total
        .is_none_or(|runs| runs > 0)
        .then_some(count.max_ns);
    vec![
        Picture::bars(
            "scanned",
            row.recent_scanned.iter().copied().map(Some).collect(),
            format!("{rate} a second now"),
        ),
        Picture::part(
            "freed",
            row.yielded(),
            format!("{freed} of {scanned} scanned"),
        ),
        Picture::bars(
            "priorities",
            priorities,
            "runs, from light pressure to heavy".to_owned(),
        ),
        Picture::percentiles("a run", [count.p50_ns, count.p99_ns, max_ns]),
    ]
}

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
