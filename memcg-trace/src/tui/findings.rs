//! The tab of findings, resolved ones included.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::columns::Column;
use super::detail::Detail;
use super::grid::Grid;
use super::keys::{self, Action, Hint};
use super::table::Table;
use super::view::{Effect, Scene, View, draw_empty};
use crate::model::snapshot::{Finding, Severity, Snapshot};
use crate::output::figures::{self, Order, Shown, Unit, Visitor};
use crate::output::{fit, names, records};
use crate::units;

/// A finding and its duration.
#[derive(Clone, Debug)]
struct Row {
    finding: Finding,
    lasts_ns: u64,
}

impl Row {
    /// Sort key: unresolved findings first, then the worst, then the latest.
    fn weight(&self) -> (bool, Severity, u64) {
        let finding = &self.finding;
        (!finding.resolved, finding.severity, finding.first_ns)
    }
}

impl figures::Row for Row {
    const MEANING: &'static str = "A finding, and how long it lasts.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.column("sentence", "FINDING", "What was found.", |row| {
            &row.finding.sentence
        });
        to.column(
            "severity",
            "SEVERITY",
            "critical, warn or info; over where it is no longer so.",
            Weight,
        );
        to.column(
            "lasts_ns",
            "LASTS",
            "For how long it has been so, or was.",
            |row| row.lasts_ns,
        );
        to.column(
            "kind",
            "KIND",
            "The rule that found it, as in --fail-on finding=KIND.",
            |row| row.finding.kind.as_str(),
        );
        to.column("path", "MEMCG", "The memcg that it is about.", |row| {
            memcg(&row.finding)
        });
    }
}

/// The severity of a finding; unresolved findings come first.
struct Weight<'a>(&'a Row);

impl Shown for Weight<'_> {
    const IS_NUMBER: bool = true;

    fn show(&self, _: Unit) -> String {
        severity(&self.0.finding).to_owned()
    }

    fn order(&self) -> Order {
        let (is_open, severity, first_ns) = self.0.weight();
        let numbers = [i128::from(is_open), severity as i128, i128::from(first_ns)];
        Order::Each(numbers.map(Order::Number).into())
    }
}

/// The tab of findings.
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
        let is_shown = |row: &Row| scene.filter.text.is_empty() || matches(row, &scene.filter.text);
        self.table
            .refresh(&self.items, scene.filter, is_shown, identity);
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
        let widths = self
            .items
            .iter()
            .map(|row| fit::width(&row.finding.sentence));
        let grid = Grid {
            first: Some(&first),
            wanted: widths.max().unwrap_or(0),
            style: Some(&style),
            ..self.table.grid(&self.items)
        };
        grid.draw(buffer, area, scene.theme);
    }

    fn json(&self, _: &Scene<'_>) -> Option<String> {
        let row = self.items.get(self.table.selected()?)?;
        Some(figures::json_text(&records::Finding::from(&row.finding)))
    }

    fn click(&mut self, line: usize, height: usize) {
        self.table.click(line, height);
    }

    fn hints(&self) -> &'static [Hint] {
        const OPEN: Hint = (&[Action::Open], "all figures");
        &[keys::FILTER, keys::SORT, OPEN]
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        self.table.order.meanings()
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

const COLUMNS: &[Column<Row>] = &[
    Column::new("sentence", 0, 0),
    Column::new("severity", 9, 1),
    Column::new("lasts_ns", 7, 2),
    Column::new("kind", 21, 3),
    Column::new("path", 30, 4),
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

/// The findings of a snapshot as rows.
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

/// Whether a row contains the filter's text, which is lower case.
fn matches(row: &Row, filter: &str) -> bool {
    let finding = &row.finding;
    finding.sentence.to_lowercase().contains(filter)
        || finding.kind.as_str().contains(filter)
        || severity(finding).contains(filter)
        || memcg(finding).to_lowercase().contains(filter)
}

/// Identity of a row, which keeps the selection on it.
fn identity(row: &Row) -> u64 {
    let mut hasher = DefaultHasher::new();
    (row.finding.kind, row.finding.number).hash(&mut hasher);
    hasher.finish()
}
