//! The tab of reclaim.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::columns::{Column, by_rate};
use super::section_view::SectionView;
use super::table::Table;
use super::view::Word;
use crate::model::snapshot::{Reclaim, UNLIMITED_BYTES};
use crate::output::{names, spark};
use crate::units;

/// Bars of a row.
const BARS: usize = 10;

/// The tab.
pub(super) fn view() -> SectionView<Reclaim> {
    SectionView {
        name: "reclaim",
        section: |snapshot| &snapshot.reclaim,
        matches,
        identity,
        words: WORDS,
        table: Table::by("STALL/S", COLUMNS),
    }
}

const WORDS: &[Word] = &[
    (
        "CAUSE",
        "why: kswapd, a limit (high, max), or somebody asked for it",
    ),
    ("LIMIT OF", "whose limit it was: own, or an ancestor's"),
    (
        "STALL/S",
        "time that its tasks waited for reclaim in a second",
    ),
    ("RECENT", "the same in each of the last intervals"),
    (
        "STALLS",
        "how often they had to wait; P99 and MAX say how long",
    ),
    (
        "BACKGROUND",
        "reclaim by kswapd and kernel workers, which nobody waited for",
    ),
    ("SCANNED", "its pages that were scanned"),
    ("TAKEN", "its pages that were reclaimed"),
    ("HIGH", "its memory.high; MEMMAX is its memory.max"),
];

const COLUMNS: &[Column<Reclaim>] = &[
    Column {
        title: "MEMCG",
        width: 0,
        is_figure: false,
        rank: 0,
        cell: |row| names::path(row.memcg.as_deref()),
        compare: |a, b| names::path(a.memcg.as_deref()).cmp(&names::path(b.memcg.as_deref())),
    },
    Column {
        title: "CAUSE",
        width: 9,
        is_figure: false,
        rank: 1,
        cell: |row| names::cause(row.count.cause),
        compare: |a, b| a.count.cause.cmp(&b.count.cause),
    },
    Column {
        title: "LIMIT OF",
        width: 18,
        is_figure: false,
        rank: 6,
        cell: names::limited_by,
        compare: |a, b| names::limited_by(a).cmp(&names::limited_by(b)),
    },
    Column {
        title: "STALL/S",
        width: 9,
        is_figure: true,
        rank: 2,
        cell: |row| units::time_share(row.stall_ns_per_sec),
        compare: |a, b| {
            by_rate(a.stall_ns_per_sec, b.stall_ns_per_sec)
                .then_with(|| a.count.stall_ns_total.cmp(&b.count.stall_ns_total))
                .then_with(|| {
                    a.count
                        .background_ns_total
                        .cmp(&b.count.background_ns_total)
                })
        },
    },
    Column {
        title: "RECENT",
        width: BARS,
        is_figure: false,
        rank: 7,
        cell: |row| spark::line(&row.recent_stall_ns, BARS),
        compare: |a, b| a.recent_stall_ns.cmp(&b.recent_stall_ns),
    },
    Column {
        title: "STALLS",
        width: 7,
        is_figure: true,
        rank: 3,
        cell: |row| units::count(Some(row.count.stalls_total)),
        compare: |a, b| a.count.stalls_total.cmp(&b.count.stalls_total),
    },
    Column {
        title: "P99",
        width: 8,
        is_figure: true,
        rank: 5,
        cell: |row| units::duration(row.count.p99_ns),
        compare: |a, b| a.count.p99_ns.cmp(&b.count.p99_ns),
    },
    Column {
        title: "MAX",
        width: 8,
        is_figure: true,
        rank: 9,
        cell: |row| units::duration(Some(row.count.max_ns)),
        compare: |a, b| a.count.max_ns.cmp(&b.count.max_ns),
    },
    Column {
        title: "BACKGROUND",
        width: 10,
        is_figure: true,
        rank: 10,
        cell: |row| units::duration(Some(row.count.background_ns_total)),
        compare: |a, b| {
            a.count
                .background_ns_total
                .cmp(&b.count.background_ns_total)
        },
    },
    Column {
        title: "SCANNED",
        width: 8,
        is_figure: true,
        rank: 8,
        cell: |row| units::count(pages(row, row.count.scanned_pages_total)),
        compare: |a, b| {
            a.count
                .scanned_pages_total
                .cmp(&b.count.scanned_pages_total)
        },
    },
    Column {
        title: "TAKEN",
        width: 8,
        is_figure: true,
        rank: 4,
        cell: |row| units::count(pages(row, row.count.reclaimed_pages_total)),
        compare: |a, b| {
            let taken = |row: &Reclaim| row.count.reclaimed_pages_total;
            taken(a).cmp(&taken(b))
        },
    },
    Column {
        title: "USAGE",
        width: 9,
        is_figure: true,
        rank: 11,
        cell: |row| units::bytes(row.usage_bytes),
        compare: |a, b| a.usage_bytes.cmp(&b.usage_bytes),
    },
    Column {
        title: "HIGH",
        width: 9,
        is_figure: true,
        rank: 12,
        cell: |row| units::limit(row.high_bytes, UNLIMITED_BYTES),
        compare: |a, b| a.high_bytes.cmp(&b.high_bytes),
    },
    Column {
        title: "MEMMAX",
        width: 9,
        is_figure: true,
        rank: 13,
        cell: |row| units::limit(row.max_bytes, UNLIMITED_BYTES),
        compare: |a, b| a.max_bytes.cmp(&b.max_bytes),
    },
];

fn pages(row: &Reclaim, pages: u64) -> Option<u64> {
    row.counts_pages.then_some(pages)
}

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
