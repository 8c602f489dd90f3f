//! The tab of findings: what a person should look at, and what is over.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::columns::Column;
use super::detail::Detail;
use super::grid::Grid;
use super::keys::{self, Action, Hint};
use super::table::Table;
use super::view::{Effect, Scene, View, Word, draw_empty};
use crate::model::snapshot::{Finding, Severity, Snapshot};
use crate::output::{fit, names};
use crate::units;

/// A finding, and for how long it goes on, or went on.
#[derive(Clone, Debug)]
struct Row {
    finding: Finding,
    lasts_ns: u64,
}

impl Row {
    /// The worst of those that go on, and the latest of those.
    fn weight(&self) -> (bool, Severity, u64) {
        let finding = &self.finding;
        (!finding.resolved, finding.severity, finding.first_ns)
    }
}

/// The tab.
#[derive(Debug)]
pub(super) struct Findings {
    items: Vec<Row>,
    table: Table<Row>,
}

impl Default for Findings {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            table: Table::by("SEVERITY", COLUMNS),
        }
    }
}

impl View for Findings {
    fn name(&self) -> &'static str {
        "findings"
    }

    fn is_known(&self, snapshot: &Snapshot) -> bool {
        snapshot.findings.is_known()
    }

    fn refresh(&mut self, scene: &Scene<'_>) {
        self.items = rows(scene.snapshot);
        let is_shown = |row: &Row| scene.filter.is_empty() || matches(row, scene.filter);
        self.table.refresh(&self.items, is_shown, identity);
    }

    fn on(&mut self, action: Action, _: &Scene<'_>, page: usize) -> Effect {
        match action {
            Action::Open => self.open(),
            _ => self.table.on(action, page),
        }
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let section = &scene.snapshot.findings;
        if draw_empty(buffer, area, scene, section, !self.table.is_empty()) {
            return;
        }
        let first = |row: &Row, columns: usize| fit::cut_end(&row.finding.sentence, columns);
        let style = |row: &Row| match (row.finding.resolved, row.finding.severity) {
            (true, _) => scene.theme.faint(),
            (false, Severity::Critical) => scene.theme.alarm(),
            (false, _) => Style::new(),
        };
        let grid = Grid {
            first: Some(&first),
            style: Some(&style),
            ..self.table.grid(&self.items)
        };
        grid.draw(buffer, area, scene.theme);
    }

    fn hints(&self) -> &'static [Hint] {
        const OPEN: Hint = (&[Action::Open], "all figures");
        &[keys::FILTER, keys::SORT, OPEN]
    }

    fn words(&self) -> &'static [Word] {
        WORDS
    }
}

impl Findings {
    /// The finding that is selected, with all its figures.
    fn open(&self) -> Effect {
        let row = self.table.selected().and_then(|at| self.items.get(at));
        row.map_or(Effect::Done, |row| {
            Effect::Open(Detail::of_finding(&row.finding))
        })
    }
}

const WORDS: &[Word] = &[
    (
        "SEVERITY",
        "critical, warn or info; over where it is no longer so",
    ),
    ("LASTS", "for how long it has been so, or was"),
    (
        "KIND",
        "the rule that found it, as in --fail-on finding=KIND",
    ),
];

const COLUMNS: &[Column<Row>] = &[
    Column {
        title: "FINDING",
        width: 0,
        is_figure: false,
        rank: 0,
        cell: |row| row.finding.sentence.clone(),
        compare: |a, b| a.finding.sentence.cmp(&b.finding.sentence),
    },
    Column {
        title: "SEVERITY",
        width: 9,
        is_figure: true,
        rank: 1,
        cell: |row| severity(&row.finding).to_owned(),
        compare: |a, b| a.weight().cmp(&b.weight()),
    },
    Column {
        title: "LASTS",
        width: 7,
        is_figure: true,
        rank: 2,
        cell: |row| units::duration(Some(row.lasts_ns)),
        compare: |a, b| a.lasts_ns.cmp(&b.lasts_ns),
    },
    Column {
        title: "KIND",
        width: 21,
        is_figure: false,
        rank: 3,
        cell: |row| row.finding.kind.as_str().to_owned(),
        compare: |a, b| a.finding.kind.as_str().cmp(b.finding.kind.as_str()),
    },
    Column {
        title: "MEMCG",
        width: 30,
        is_figure: false,
        rank: 4,
        cell: |row| memcg(&row.finding),
        compare: |a, b| memcg(&a.finding).cmp(&memcg(&b.finding)),
    },
];

fn severity(finding: &Finding) -> &'static str {
    match finding.resolved {
        true => "over",
        false => finding.severity.as_str(),
    }
}

fn memcg(finding: &Finding) -> String {
    match &finding.memcg {
        Some(memcg) => names::path(Some(memcg)),
        None => units::UNKNOWN.to_owned(),
    }
}

/// The rows of a snapshot.
fn rows(snapshot: &Snapshot) -> Vec<Row> {
    let row = |finding: &Finding| {
        let until_ns = match finding.resolved {
            true => finding.last_ns,
            false => snapshot.mono_ns,
        };
        Row {
            finding: finding.clone(),
            lasts_ns: until_ns.saturating_sub(finding.first_ns),
        }
    };
    snapshot.findings.items.iter().map(row).collect()
}

/// Whether a row has a text in it; `filter` is lower case.
fn matches(row: &Row, filter: &str) -> bool {
    let finding = &row.finding;
    finding.sentence.to_lowercase().contains(filter)
        || finding.kind.as_str().contains(filter)
        || severity(finding).contains(filter)
        || memcg(finding).to_lowercase().contains(filter)
}

/// Identity of a row, for the selection.
fn identity(row: &Row) -> u64 {
    let mut hasher = DefaultHasher::new();
    (row.finding.kind, row.finding.number).hash(&mut hasher);
    hasher.finish()
}
