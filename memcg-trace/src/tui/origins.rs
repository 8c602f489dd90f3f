//! The tab of origins: the dead grouped by where they come from, and live cgroups without tasks.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::columns::Column;
use super::detail::Detail;
use super::keys::{self, Action, Hint};
use super::table::Table;
use super::view::{Effect, Scene, View, draw_empty};
use crate::model::abandoned::{self, Empty, LEAST_AGE_NS};
use crate::model::origins::{self, Origin};
use crate::model::snapshot::Snapshot;
use crate::output::figures::{self, Visitor};
use crate::output::names;

/// A group of cgroups of one parent whose names have one shape.
#[derive(Clone, Debug)]
enum Row {
    Dead(Arc<Origin>),
    Empty(Arc<Empty>),
}

impl Row {
    fn origin(&self) -> String {
        match self {
            Self::Dead(one) => names::origin(&one.parent, &one.name),
            Self::Empty(one) => names::origin(&one.parent, &one.name),
        }
    }

    fn state(&self) -> &'static str {
        match self {
            Self::Dead(_) => "dead",
            Self::Empty(one) => one.class.as_str(),
        }
    }

    fn pinned_by(&self) -> Option<&'static str> {
        match self {
            Self::Dead(one) => names::pinned_by(one.pinned_by),
            Self::Empty(_) => None,
        }
    }
}

impl figures::Row for Row {
    const MEANING: &'static str = "Cgroups of one parent and one shape of names.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.column(
            "origin",
            "ORIGIN",
            "Parent and name, with what varies: <n>, <hex64>, <id13>.",
            Self::origin,
        );
        to.column(
            "state",
            "STATE",
            "Dead, or alive without a task in or below it: abandoned, uncharged, young, parent, \
             in_use, by_design; not_checked until somebody asks (r).",
            Self::state,
        );
        to.column(
            "cgroups",
            "CGROUPS",
            "Number of cgroups in the group.",
            |row| match row {
                Self::Dead(one) => one.zombies,
                Self::Empty(one) => one.cgroups,
            },
        );
        to.column(
            "alive",
            "ALIVE",
            "Of the dead: live ones of the same shape; of the empty: those with tasks.",
            |row| match row {
                Self::Dead(one) => one.alive,
                Self::Empty(one) => one.with_tasks,
            },
        );
        to.column(
            "pinned_by",
            "PINNED BY",
            "The kind of pin with the most references, of zombies that were asked about.",
            Self::pinned_by,
        );
        to.column(
            "own_cost_bytes",
            "COST",
            "Memory of the kernel that the dead take by themselves.",
            |row| match row {
                Self::Dead(one) => one.own_cost_bytes,
                Self::Empty(_) => None,
            },
        );
        to.column(
            "kept_bytes",
            "KEEP",
            "Memory that is charged to them, with everything below the empty ones.",
            |row| match row {
                Self::Dead(one) => one.kept_bytes,
                Self::Empty(one) => one.usage_bytes,
            },
        );
        to.column(
            "since_ns",
            "SINCE",
            "Time since the first of them died, or since they are empty, at least.",
            |row| match row {
                Self::Dead(one) => one.first_dead_ns,
                Self::Empty(one) => one.empty_for.map(|since| since.ns),
            },
        );
    }
}

#[derive(Debug)]
pub(super) struct Origins {
    items: Vec<Row>,
    table: Table<Row>,
}

impl Default for Origins {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            table: Table::by("CGROUPS", COLUMNS),
        }
    }
}

impl View for Origins {
    fn name(&self) -> &'static str {
        "origins"
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
            Action::Open => self.open(),
            Action::Ask => Effect::Open(Detail::of_empties()),
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
        Some(match self.items.get(self.table.selected()?)? {
            Row::Dead(one) => figures::json_text(&**one),
            Row::Empty(one) => figures::json_text(&**one),
        })
    }

    fn click(&mut self, line: usize, height: usize) {
        self.table.click(line, height);
    }

    fn hints(&self) -> &'static [Hint] {
        const OPEN: Hint = (&[Action::Open], "what frees it");
        const ASK: Hint = (&[Action::Ask], "who uses the empty ones");
        &[keys::FILTER, keys::SORT, OPEN, ASK]
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        self.table.order.meanings()
    }
}

impl Origins {
    /// The sentence about the selected group, and what would free it.
    fn open(&self) -> Effect {
        let row = self.table.selected().and_then(|at| self.items.get(at));
        match row {
            Some(Row::Dead(one)) => Effect::Open(Detail::of_origin(Arc::clone(one))),
            Some(Row::Empty(one)) => Effect::Open(Detail::of_empty(Arc::clone(one))),
            None => Effect::Done,
        }
    }
}

const COLUMNS: &[Column<Row>] = &[
    Column::new("origin", 0, 0),
    Column::new("state", 11, 1),
    Column::new("cgroups", 8, 0),
    Column::new("alive", 7, 4),
    Column::new("pinned_by", 16, 3),
    Column::new("own_cost_bytes", 9, 5),
    Column::new("kept_bytes", 9, 2),
    Column::new("since_ns", 8, 6),
];

fn rows(snapshot: &Snapshot) -> Vec<Row> {
    let dead = origins::list(snapshot).into_iter();
    let empty = abandoned::list(snapshot, LEAST_AGE_NS).groups.into_iter();
    let dead = dead.map(|one| Row::Dead(Arc::new(one)));
    dead.chain(empty.map(|one| Row::Empty(Arc::new(one))))
        .collect()
}

/// Whether a row contains the filter's text, which is lower case.
fn matches(row: &Row, filter: &str) -> bool {
    row.origin().to_lowercase().contains(filter)
        || row.state().contains(filter)
        || row.pinned_by().is_some_and(|kind| kind.contains(filter))
}

/// Identity of a row, which keeps the selection on it.
fn identity(row: &Row) -> u64 {
    let mut hasher = DefaultHasher::new();
    (row.origin(), row.state(), row.pinned_by()).hash(&mut hasher);
    hasher.finish()
}
