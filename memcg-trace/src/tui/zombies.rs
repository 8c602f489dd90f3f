//! The tab of zombies.

use std::collections::HashMap;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::columns::Column;
use super::detail::Detail;
use super::keys::{self, Action, Hint};
use super::table::Table;
use super::view::{Effect, Scene, View, draw_empty};
use crate::model::snapshot::Snapshot;
use crate::model::zombies::{self, Zombie};
use crate::output::figures::{self, Visitor};
use crate::output::{names, summary};

/// A zombie, and the verdict on its pins, if they were asked for.
#[derive(Clone, Debug)]
struct Row {
    zombie: Zombie,
    verdict: Option<String>,
}

impl figures::Row for Row {
    const MEANING: &'static str = "A zombie, and who pins it.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.part(|row| &row.zombie);
        to.column(
            "verdict",
            "VERDICT",
            "Who pins it, once that was asked (Enter).",
            |row| &row.verdict,
        );
    }
}

#[derive(Debug)]
pub(super) struct Zombies {
    items: Vec<Row>,
    table: Table<Row>,
}

impl Default for Zombies {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            table: Table::by("REFS", COLUMNS),
        }
    }
}

impl View for Zombies {
    fn name(&self) -> &'static str {
        "zombies"
    }

    fn is_known(&self, snapshot: &Snapshot) -> bool {
        snapshot.memcgs.is_known()
    }

    fn refresh(&mut self, scene: &Scene<'_>) {
        self.items = rows(scene.snapshot);
        let is_shown = |row: &Row| scene.filter.text.is_empty() || matches(row, &scene.filter.text);
        self.table
            .refresh(&self.items, scene.filter, is_shown, identity);
    }

    fn on(&mut self, action: Action, _: &Scene<'_>, page: usize) -> Effect {
        match action {
            Action::Open | Action::Ask => self.open(),
            _ => self.table.on(action, page),
        }
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let section = &scene.snapshot.memcgs;
        if !draw_empty(buffer, area, scene, section, !self.table.is_empty()) {
            self.table.draw(buffer, area, &self.items, scene.theme);
        }
    }

    fn json(&self, _: &Scene<'_>) -> Option<String> {
        self.table.json(&self.items)
    }

    fn click(&mut self, line: usize, height: usize) {
        self.table.click(line, height);
    }

    fn hints(&self) -> &'static [Hint] {
        const OPEN: Hint = (&[Action::Open], "who pins it");
        &[keys::FILTER, keys::SORT, OPEN]
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        self.table.order.meanings()
    }

    fn headline(&self, snapshot: &Snapshot) -> Option<String> {
        summary::zombie_cost(snapshot)
    }
}

impl Zombies {
    /// The selected zombie, and its pins.
    fn open(&self) -> Effect {
        let row = self.table.selected().and_then(|at| self.items.get(at));
        row.map_or(Effect::Done, |row| {
            Effect::Open(Detail::asked(Arc::clone(&row.zombie.id)))
        })
    }
}

const COLUMNS: &[Column<Row>] = &[
    Column::new("path", 0, 0).titled("ZOMBIE"),
    Column::new("phase", 9, 5),
    Column::new("age_ns", 7, 4),
    Column::new("refs", 6, 1),
    Column::new("lru_pages", 6, 2),
    Column::new("swap_entries", 6, 3),
    Column::new("own_cost_bytes", 9, 6),
    Column::new("verdict", 40, 7),
];

/// The zombies of a snapshot as rows.
fn rows(snapshot: &Snapshot) -> Vec<Row> {
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

/// Whether a row contains the filter's text, which is lower case.
fn matches(row: &Row, filter: &str) -> bool {
    names::path(Some(&row.zombie.id))
        .to_lowercase()
        .contains(filter)
        || row.zombie.phase.as_str().contains(filter)
        || row
            .verdict
            .as_ref()
            .is_some_and(|verdict| verdict.to_lowercase().contains(filter))
}

/// Identity of a row, which keeps the selection on it.
fn identity(row: &Row) -> u64 {
    row.zombie.id.serial_nr
}
