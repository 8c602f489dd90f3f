//! The tab of memory cgroups: a tree, or a flat list when sorted or filtered.

use std::collections::HashSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::grid::Grid;
use super::keys::{self, Action, Hint};
use super::picture::Picture;
use super::reclaim;
use super::table::Table;
use super::view::{Effect, Scene, View, draw_empty};
use crate::model::snapshot::slab::part;
use crate::model::snapshot::{Memcg, Snapshot};
use crate::output::records::MEMCG_COLUMNS;
use crate::output::{fit, names};
use crate::units;

/// The tab of memory cgroups.
#[derive(Debug)]
pub(super) struct Memcgs {
    table: Table<Memcg>,
    /// Whether the rows are a tree.
    is_tree: bool,
    /// Serial numbers of folded memcgs, whose children are not shown.
    folded: HashSet<u64>,
}

impl Default for Memcgs {
    fn default() -> Self {
        Self {
            table: Table::by("MEMCG", MEMCG_COLUMNS),
            is_tree: true,
            folded: HashSet::new(),
        }
    }
}

impl View for Memcgs {
    fn name(&self) -> &'static str {
        "memcgs"
    }

    fn is_known(&self, snapshot: &Snapshot) -> bool {
        snapshot.memcgs.is_known()
    }

    fn refresh(&mut self, scene: &Scene<'_>) {
        let items = &scene.snapshot.memcgs.items;
        // Memcgs that are gone need no entry.
        if !self.folded.is_empty() {
            let here: HashSet<u64> = items.iter().map(identity).collect();
            self.folded.retain(|serial_nr| here.contains(serial_nr));
        }
        let is_natural = self.table.order.is_natural();
        self.is_tree = is_natural && scene.filter.is_all();
        let rows = match (self.is_tree, is_natural) {
            (true, _) => unfolded(items, &self.folded),
            // The rows of the walk are in the order of the tree already.
            (false, true) => (0..items.len())
                .filter(|at| {
                    let memcg = &items[*at];
                    matches(memcg, &scene.filter.text)
                        && self.table.order.admits(memcg, scene.filter)
                })
                .collect(),
            (false, false) => {
                let order = &self.table.order;
                let is_shown = |memcg: &Memcg| matches(memcg, &scene.filter.text);
                order.rows(items, scene.filter, is_shown)
            }
        };
        self.table.show(items, rows, identity);
    }

    fn on(&mut self, action: Action, scene: &Scene<'_>, page: usize) -> Effect {
        match action {
            Action::Open if self.is_tree => self.fold(&scene.snapshot.memcgs.items),
            _ => self.table.on(action, page),
        }
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let section = &scene.snapshot.memcgs;
        if draw_empty(buffer, area, scene, section, !self.table.is_empty()) {
            return;
        }
        let first = |memcg: &Memcg, columns: usize| match self.is_tree {
            true => tree_cell(memcg, columns, &self.folded),
            false => flat_cell(memcg, columns),
        };
        let style = |memcg: &Memcg| match memcg.phase {
            Some(_) => scene.theme.zombie(),
            None => Style::new(),
        };
        let grid = Grid {
            first: Some(&first),
            style: Some(&style),
            ..self.table.grid(&section.items)
        };
        grid.draw(buffer, area, scene.theme);
    }

    fn picture_rows(&self) -> u16 {
        3
    }

    fn pictures(&self, scene: &Scene<'_>) -> Vec<Picture> {
        let items = &scene.snapshot.memcgs.items;
        let Some(memcg) = self.table.selected().and_then(|at| items.get(at)) else {
            return Vec::new();
        };
        let facts = &memcg.facts;
        let of = facts
            .usage_bytes
            .and_then(|usage| part(facts.slab_bytes?, usage));
        let slab = units::bytes(facts.slab_bytes);
        vec![
            reclaim::usage(facts.usage_bytes, facts.high_bytes, facts.max_bytes),
            Picture::part(
                "slab",
                of,
                format!("{slab} of its usage, with all below it"),
            ),
        ]
    }

    fn json(&self, scene: &Scene<'_>) -> Option<String> {
        self.table.json(&scene.snapshot.memcgs.items)
    }

    fn click(&mut self, line: usize, height: usize) {
        self.table.click(line, height);
    }

    fn hints(&self) -> &'static [Hint] {
        const FOLD: Hint = (&[Action::Open], "fold");
        match self.is_tree {
            true => &[keys::FILTER, keys::SORT, FOLD],
            false => &[keys::FILTER, keys::SORT],
        }
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        self.table.order.meanings()
    }
}

impl Memcgs {
    /// Folds the selected memcg, or unfolds it.
    fn fold(&mut self, items: &[Memcg]) -> Effect {
        let Some((at, memcg)) = self
            .table
            .selected()
            .and_then(|at| Some((at, items.get(at)?)))
        else {
            return Effect::Done;
        };
        let serial_nr = memcg.id.serial_nr;
        let next = items.get(at + 1);
        let has_children = next.is_some_and(|next| next.depth > memcg.depth);
        if !self.folded.remove(&serial_nr) && has_children {
            self.folded.insert(serial_nr);
        }
        Effect::Refresh
    }
}

/// All rows except those below folded memcgs.
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

/// Whether a row contains the filter's text, which is lower case.
fn matches(memcg: &Memcg, filter: &str) -> bool {
    filter.is_empty() || names::path(Some(&memcg.id)).to_lowercase().contains(filter)
}

/// Identity of a row, which keeps the selection on it.
fn identity(memcg: &Memcg) -> u64 {
    memcg.id.serial_nr
}

/// The first cell of a flat list: `Z` marks a zombie.
fn flat_cell(memcg: &Memcg, columns: usize) -> String {
    let mark = if memcg.phase.is_some() { "Z " } else { "" };
    mark.to_owned()
        + &fit::cut_cell(
            &names::path(Some(&memcg.id)),
            columns.saturating_sub(mark.len()),
        )
}

/// The first cell of a tree: `+` marks a folded memcg.
fn tree_cell(memcg: &Memcg, columns: usize, folded: &HashSet<u64>) -> String {
    // Rows too deep for the screen are drawn at its edge.
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
