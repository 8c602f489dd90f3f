//! The tab of zombies.

use std::collections::HashMap;

use super::columns::Column;
use crate::model::snapshot::Snapshot;
use crate::model::zombies::{self, Zombie};
use crate::output::{names, zombies as text};
use crate::units;

/// A zombie, and the verdict on who pins it, once that was asked.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) zombie: Zombie,
    verdict: Option<String>,
}

/// By default sorted by [`DEFAULT_SORT`].
pub(super) const COLUMNS: &[Column<Row>] = &[
    Column {
        title: "ZOMBIE",
        width: 0,
        is_figure: false,
        rank: 0,
        cell: |row| names::path(Some(&row.zombie.id)),
        compare: |a, b| a.zombie.id.path.cmp(&b.zombie.id.path),
    },
    Column {
        title: "PHASE",
        width: 9,
        is_figure: false,
        rank: 5,
        cell: |row| row.zombie.phase.as_str().to_owned(),
        compare: |a, b| a.zombie.phase.cmp(&b.zombie.phase),
    },
    Column {
        title: "AGE",
        width: 7,
        is_figure: true,
        rank: 4,
        cell: |row| units::duration(row.zombie.age_ns),
        compare: |a, b| a.zombie.age_ns.cmp(&b.zombie.age_ns),
    },
    Column {
        title: "REFS",
        width: 6,
        is_figure: true,
        rank: 1,
        cell: |row| text::refs(&row.zombie),
        compare: |a, b| a.zombie.refs.cmp(&b.zombie.refs),
    },
    Column {
        title: "PAGES",
        width: 6,
        is_figure: true,
        rank: 2,
        cell: |row| units::count(row.zombie.lru_pages),
        compare: |a, b| a.zombie.lru_pages.cmp(&b.zombie.lru_pages),
    },
    Column {
        title: "SWAP",
        width: 6,
        is_figure: true,
        rank: 3,
        cell: |row| units::count(row.zombie.swap_entries),
        compare: |a, b| a.zombie.swap_entries.cmp(&b.zombie.swap_entries),
    },
    Column {
        title: "COST",
        width: 9,
        is_figure: true,
        rank: 6,
        cell: |row| units::bytes(row.zombie.own_cost_bytes),
        compare: |a, b| a.zombie.own_cost_bytes.cmp(&b.zombie.own_cost_bytes),
    },
    Column {
        title: "VERDICT",
        width: 40,
        is_figure: false,
        rank: 7,
        cell: |row| match &row.verdict {
            Some(verdict) => verdict.clone(),
            None => units::UNKNOWN.to_owned(),
        },
        compare: |a, b| a.verdict.cmp(&b.verdict),
    },
];

/// `REFS`.
pub(super) const DEFAULT_SORT: usize = 3;

/// The rows of a snapshot.
pub(super) fn rows(snapshot: &Snapshot) -> Vec<Row> {
    let answers: HashMap<u64, &String> = snapshot
        .pins
        .items
        .iter()
        .map(|item| (item.zombie.serial_nr, &item.sentence))
        .collect();
    let row = |zombie: Zombie| Row {
        verdict: answers.get(&zombie.id.serial_nr).copied().cloned(),
        zombie,
    };
    zombies::list(snapshot).into_iter().map(row).collect()
}

/// Whether a row has a text in it; `filter` is lower case.
pub(super) fn matches(row: &Row, filter: &str) -> bool {
    names::path(Some(&row.zombie.id))
        .to_lowercase()
        .contains(filter)
        || row.zombie.phase.as_str().contains(filter)
        || row
            .verdict
            .as_ref()
            .is_some_and(|verdict| verdict.to_lowercase().contains(filter))
}

/// Identity of a row, for the selection.
pub(super) fn identity(row: &Row) -> u64 {
    row.zombie.id.serial_nr
}
