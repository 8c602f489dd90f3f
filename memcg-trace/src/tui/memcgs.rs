//! The tab of memory cgroups: a tree, or a flat list when sorted or filtered.

use std::collections::HashSet;

use super::columns::{Column, by_rate};
use super::list::{List, sorted};
use crate::model::snapshot::{Memcg, Phase, UNLIMITED_BYTES};
use crate::output::{fit, names};
use crate::units;

/// The first is the tree; sorting by it is the order of the tree.
pub(super) const COLUMNS: &[Column<Memcg>] = &[
    Column {
        title: "MEMCG",
        width: 0,
        is_figure: false,
        rank: 0,
        cell: |memcg| names::path(Some(&memcg.id)),
        compare: |a, b| a.id.path.cmp(&b.id.path),
    },
    Column {
        title: "USAGE",
        width: 9,
        is_figure: true,
        rank: 1,
        cell: |memcg| units::bytes(memcg.usage_bytes),
        compare: |a, b| a.usage_bytes.cmp(&b.usage_bytes),
    },
    Column {
        title: "HIGH",
        width: 10,
        is_figure: true,
        rank: 8,
        cell: |memcg| units::limit(memcg.high_bytes, UNLIMITED_BYTES),
        compare: |a, b| a.high_bytes.cmp(&b.high_bytes),
    },
    Column {
        title: "MAX",
        width: 10,
        is_figure: true,
        rank: 7,
        cell: |memcg| units::limit(memcg.max_bytes, UNLIMITED_BYTES),
        compare: |a, b| a.max_bytes.cmp(&b.max_bytes),
    },
    Column {
        title: "SLAB",
        width: 9,
        is_figure: true,
        rank: 3,
        cell: |memcg| units::bytes(memcg.slab_bytes),
        compare: |a, b| a.slab_bytes.cmp(&b.slab_bytes),
    },
    Column {
        title: "OWN ALLOC/S",
        width: 12,
        is_figure: true,
        rank: 4,
        cell: |memcg| units::rate(memcg.slab_alloc_per_sec),
        compare: |a, b| by_rate(a.slab_alloc_per_sec, b.slab_alloc_per_sec),
    },
    Column {
        title: "OWN FREE/S",
        width: 11,
        is_figure: true,
        rank: 5,
        cell: |memcg| units::rate(memcg.slab_free_per_sec),
        compare: |a, b| by_rate(a.slab_free_per_sec, b.slab_free_per_sec),
    },
    Column {
        title: "ZOMBIES",
        width: 8,
        is_figure: true,
        rank: 2,
        cell: |memcg| units::count(Some(memcg.zombies)),
        compare: |a, b| a.zombies.cmp(&b.zombies),
    },
    Column {
        title: "PHASE",
        width: 14,
        is_figure: false,
        rank: 6,
        cell: |memcg| memcg.phase.map_or("alive", Phase::as_str).to_owned(),
        compare: |a, b| a.phase.cmp(&b.phase),
    },
];

/// Whether rows are shown as a tree.
pub(super) fn is_tree(list: &List, filter: &str) -> bool {
    list.sort == 0 && !list.reverse && filter.is_empty()
}

/// The rows to be shown, by index.
pub(super) fn rows(
    memcgs: &[Memcg],
    list: &List,
    filter: &str,
    folded: &HashSet<u64>,
) -> Vec<usize> {
    if is_tree(list, filter) {
        unfolded(memcgs, folded)
    } else {
        flat(memcgs, list, filter)
    }
}

fn flat(memcgs: &[Memcg], list: &List, filter: &str) -> Vec<usize> {
    let matches = |memcg: &Memcg| {
        filter.is_empty() || names::path(Some(&memcg.id)).to_lowercase().contains(filter)
    };
    if list.sort == 0 && !list.reverse {
        return (0..memcgs.len())
            .filter(|at| matches(&memcgs[*at]))
            .collect();
    }
    sorted(memcgs, COLUMNS, list, matches)
}

/// All but what is below folded ones.
fn unfolded(memcgs: &[Memcg], folded: &HashSet<u64>) -> Vec<usize> {
    let mut rows = Vec::with_capacity(memcgs.len());
    let mut hidden_below: Option<u16> = None;
    for (at, memcg) in memcgs.iter().enumerate() {
        if hidden_below.is_some_and(|depth| memcg.depth > depth) {
            continue;
        }
        hidden_below = folded.contains(&memcg.id.serial_nr).then_some(memcg.depth);
        rows.push(at);
    }
    rows
}

/// Identity of a row, for the selection.
pub(super) fn identity(memcg: &Memcg) -> u64 {
    memcg.id.serial_nr
}

/// The first cell of a flat list: `Z` marks a zombie.
pub(super) fn flat_cell(memcg: &Memcg, columns: usize) -> String {
    let mark = if memcg.phase.is_some() { "Z " } else { "" };
    mark.to_owned()
        + &fit::cut_cell(
            &names::path(Some(&memcg.id)),
            columns.saturating_sub(mark.len()),
        )
}

/// The first cell of a tree: `+` marks one that is folded.
pub(super) fn tree_cell(memcg: &Memcg, columns: usize, folded: &HashSet<u64>) -> String {
    // What is too deep for the screen is drawn at its edge.
    let indent = (2 * usize::from(memcg.depth)).min(columns / 2);
    let fold = if folded.contains(&memcg.id.serial_nr) {
        "+ "
    } else {
        ""
    };
    let mark = if memcg.phase.is_some() { "Z " } else { "" };
    let name = memcg.id.name.display();
    let left = columns.saturating_sub(indent + fold.len() + mark.len());
    " ".repeat(indent) + fold + mark + &fit::cut_name(&name, left)
}
