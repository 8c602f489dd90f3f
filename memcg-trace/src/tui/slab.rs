//! The table of slab objects, per memcg and cache.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::columns::{Column, by_rate};
use super::view::Word;
use crate::model::snapshot::Slab;
use crate::output::names;
use crate::output::slab::percent;
use crate::units;

pub(super) const WORDS: &[Word] = &[
    (
        "OBJECTS",
        "objects charged to the memcg; before a walk, not known",
    ),
    ("SLAB", "its share of the pages under its objects"),
    ("USED", "the part of that share which its objects take"),
    (
        "INHERITED",
        "objects that were charged to a child that is dead",
    ),
    ("ALLOC/S", "objects charged in a second; FREE/S uncharged"),
    ("NET", "ALLOC less FREE, since the start"),
];

pub(super) const COLUMNS: &[Column<Slab>] = &[
    Column {
        title: "MEMCG",
        width: 0,
        is_figure: false,
        rank: 0,
        cell: |row| names::path(row.memcg.as_deref()),
        compare: |a, b| {
            let path = |row: &Slab| row.memcg.as_ref().map(|memcg| memcg.path.clone());
            path(a).cmp(&path(b))
        },
    },
    Column {
        title: "CACHE",
        width: 20,
        is_figure: false,
        rank: 1,
        cell: |row| row.cache.display().into_owned(),
        compare: |a, b| a.cache.cmp(&b.cache),
    },
    Column {
        title: "OBJECTS",
        width: 8,
        is_figure: true,
        rank: 2,
        cell: |row| units::count(row.objects()),
        compare: |a, b| a.objects().cmp(&b.objects()),
    },
    Column {
        title: "SLAB",
        width: 10,
        is_figure: true,
        rank: 5,
        cell: |row| units::bytes(row.share_bytes()),
        compare: |a, b| a.share_bytes().cmp(&b.share_bytes()),
    },
    Column {
        title: "USED",
        width: 5,
        is_figure: true,
        rank: 6,
        cell: |row| percent(row.utilization()),
        compare: |a, b| by_rate(a.utilization(), b.utilization()),
    },
    Column {
        title: "INHERITED",
        width: 9,
        is_figure: true,
        rank: 9,
        cell: |row| units::count(row.inherited_objects()),
        compare: |a, b| a.inherited_objects().cmp(&b.inherited_objects()),
    },
    Column {
        title: "ALLOC/S",
        width: 8,
        is_figure: true,
        rank: 3,
        cell: |row| units::rate(row.alloc_per_sec),
        compare: |a, b| {
            by_rate(a.alloc_per_sec, b.alloc_per_sec)
                .then_with(|| a.alloc_total.cmp(&b.alloc_total))
        },
    },
    Column {
        title: "FREE/S",
        width: 8,
        is_figure: true,
        rank: 4,
        cell: |row| units::rate(row.free_per_sec),
        compare: |a, b| by_rate(a.free_per_sec, b.free_per_sec),
    },
    Column {
        title: "ALLOC",
        width: 8,
        is_figure: true,
        rank: 8,
        cell: |row| units::count(row.alloc_total),
        compare: |a, b| a.alloc_total.cmp(&b.alloc_total),
    },
    Column {
        title: "FREE",
        width: 8,
        is_figure: true,
        rank: 10,
        cell: |row| units::count(row.free_total),
        compare: |a, b| a.free_total.cmp(&b.free_total),
    },
    Column {
        title: "NET",
        width: 8,
        is_figure: true,
        rank: 7,
        cell: |row| net(row).map_or_else(|| units::UNKNOWN.to_owned(), net_text),
        compare: |a, b| net(a).cmp(&net(b)),
    },
    Column {
        title: "NET BYTES",
        width: 10,
        is_figure: true,
        rank: 11,
        cell: |row| match net_bytes(row) {
            Some(bytes) if bytes < 0 => format!("-{}", units::bytes(magnitude(bytes))),
            Some(bytes) => units::bytes(magnitude(bytes)),
            None => units::UNKNOWN.to_owned(),
        },
        compare: |a, b| net_bytes(a).cmp(&net_bytes(b)),
    },
];

/// Objects that came minus objects that went, since the run began.
fn net(row: &Slab) -> Option<i128> {
    Some(i128::from(row.alloc_total?) - i128::from(row.free_total?))
}

fn net_text(net: i128) -> String {
    let sign = if net < 0 { "-" } else { "+" };
    format!("{sign}{}", units::count(magnitude(net)))
}

fn net_bytes(row: &Slab) -> Option<i128> {
    Some(net(row)? * i128::from(row.size_bytes?))
}

fn magnitude(number: i128) -> Option<u64> {
    Some(u64::try_from(number.unsigned_abs()).unwrap_or(u64::MAX))
}

/// Whether a row has a text in it; `filter` is lower case.
pub(super) fn matches(row: &Slab, filter: &str) -> bool {
    names::path(row.memcg.as_deref())
        .to_lowercase()
        .contains(filter)
        || row.cache.display().to_lowercase().contains(filter)
}

/// Identity of a row, for the selection.
pub(super) fn identity(row: &Slab) -> u64 {
    let mut hasher = DefaultHasher::new();
    row.memcg
        .as_ref()
        .map(|memcg| memcg.serial_nr)
        .hash(&mut hasher);
    row.cache.hash(&mut hasher);
    hasher.finish()
}
