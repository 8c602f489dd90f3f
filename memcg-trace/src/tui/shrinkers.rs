//! The tab of shrinkers.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::columns::{Column, by_rate};
use super::section_view::SectionView;
use super::table::Table;
use super::view::Word;
use crate::model::snapshot::Shrinker;
use crate::output::slab::percent;
use crate::output::{names, spark};
use crate::units;

/// Bars of a row.
const BARS: usize = 10;

/// The tab.
pub(super) fn view() -> SectionView<Shrinker> {
    SectionView {
        name: "shrinkers",
        section: |snapshot| &snapshot.shrinkers,
        matches,
        identity,
        words: WORDS,
        table: Table::by("SCAN/S", COLUMNS),
    }
}

const WORDS: &[Word] = &[
    (
        "FOR",
        "the memcg that memory is reclaimed from; global is the host",
    ),
    (
        "CAUSE",
        "why: kswapd, a limit (high, max), or somebody asked for it",
    ),
    ("SCAN/S", "objects scanned in a second"),
    ("RECENT", "objects scanned in each of the last intervals"),
    (
        "CALLS",
        "times that it was asked whether it has something to free",
    ),
    ("YIELD", "freed of scanned"),
    (
        "FREEABLE",
        "objects that there were to free when the last run began",
    ),
    (
        "DEFERRED",
        "objects left to later runs when the last run ended",
    ),
    (
        "TIME",
        "time spent in it; P99 is what one run in a hundred exceeds",
    ),
];

const COLUMNS: &[Column<Shrinker>] = &[
    Column {
        title: "SHRINKER",
        width: 0,
        is_figure: false,
        rank: 0,
        cell: names::shrinker,
        compare: |a, b| a.shrinker.cmp(&b.shrinker),
    },
    Column {
        title: "FOR",
        width: 22,
        is_figure: false,
        rank: 3,
        cell: names::reclaimed_for,
        compare: |a, b| names::reclaimed_for(a).cmp(&names::reclaimed_for(b)),
    },
    Column {
        title: "CAUSE",
        width: 11,
        is_figure: false,
        rank: 4,
        cell: |row| names::cause(row.cause),
        compare: |a, b| a.cause.cmp(&b.cause),
    },
    Column {
        title: "NODE",
        width: 5,
        is_figure: true,
        rank: 13,
        cell: |row| row.node.to_string(),
        compare: |a, b| a.node.cmp(&b.node),
    },
    Column {
        title: "SCAN/S",
        width: 8,
        is_figure: true,
        rank: 1,
        cell: |row| units::rate(row.scanned_per_sec),
        compare: |a, b| {
            by_rate(a.scanned_per_sec, b.scanned_per_sec)
                .then_with(|| a.time_ns_total.cmp(&b.time_ns_total))
        },
    },
    Column {
        title: "RECENT",
        width: BARS,
        is_figure: false,
        rank: 9,
        cell: |row| spark::line(&row.recent_scanned, BARS),
        compare: |a, b| a.recent_scanned.cmp(&b.recent_scanned),
    },
    Column {
        title: "CALLS",
        width: 8,
        is_figure: true,
        rank: 8,
        cell: |row| units::count(row.calls_total),
        compare: |a, b| a.calls_total.cmp(&b.calls_total),
    },
    Column {
        title: "SCANNED",
        width: 8,
        is_figure: true,
        rank: 5,
        cell: |row| units::count(Some(row.scanned_objects_total)),
        compare: |a, b| a.scanned_objects_total.cmp(&b.scanned_objects_total),
    },
    Column {
        title: "FREED",
        width: 8,
        is_figure: true,
        rank: 2,
        cell: |row| units::count(Some(row.freed_objects_total)),
        compare: |a, b| a.freed_objects_total.cmp(&b.freed_objects_total),
    },
    Column {
        title: "YIELD",
        width: 6,
        is_figure: true,
        rank: 6,
        cell: |row| percent(row.yielded()),
        compare: |a, b| by_rate(a.yielded(), b.yielded()),
    },
    Column {
        title: "FREEABLE",
        width: 8,
        is_figure: true,
        rank: 10,
        cell: |row| units::count(row.freeable_objects),
        compare: |a, b| a.freeable_objects.cmp(&b.freeable_objects),
    },
    Column {
        title: "DEFERRED",
        width: 9,
        is_figure: true,
        rank: 12,
        cell: |row| units::count(row.deferred_objects),
        compare: |a, b| a.deferred_objects.cmp(&b.deferred_objects),
    },
    Column {
        title: "TIME",
        width: 9,
        is_figure: true,
        rank: 3,
        cell: |row| units::duration(Some(row.time_ns_total)),
        compare: |a, b| a.time_ns_total.cmp(&b.time_ns_total),
    },
    Column {
        title: "P99",
        width: 9,
        is_figure: true,
        rank: 7,
        cell: |row| units::duration(row.p99_ns),
        compare: |a, b| a.p99_ns.cmp(&b.p99_ns),
    },
    Column {
        title: "MAX",
        width: 9,
        is_figure: true,
        rank: 11,
        cell: |row| units::duration(Some(row.max_ns)),
        compare: |a, b| a.max_ns.cmp(&b.max_ns),
    },
];

fn matches(row: &Shrinker, filter: &str) -> bool {
    names::shrinker(row).to_lowercase().contains(filter)
        || names::cause(row.cause).contains(filter)
        || names::reclaimed_for(row).to_lowercase().contains(filter)
}

fn identity(row: &Shrinker) -> u64 {
    let mut hasher = DefaultHasher::new();
    let memcg = row.memcg.as_ref().map(|memcg| memcg.serial_nr);
    (memcg, &row.shrinker, &row.dev, row.node, row.cause).hash(&mut hasher);
    hasher.finish()
}
