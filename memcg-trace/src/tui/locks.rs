//! The tab of locks: waits that go on, as trees, and below them the sums of those that ended.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::app::App;
use super::columns::Column;
use super::grid::put;
use super::list::first_shown;
use super::screen::{draw_empty, plain_grid, rows_u16};
use crate::model::snapshot::{LockStats, Snapshot};
use crate::output::tree::Line;
use crate::output::{fit, names, units};

/// The sums of locks.
pub(super) const STATS: &[Column<LockStats>] = &[
    Column {
        title: "LOCK",
        width: 0,
        is_figure: false,
        rank: 0,
        cell: |lock| names::lock(&lock.resource),
        compare: |a, b| a.resource.cmp(&b.resource),
    },
    Column {
        title: "KIND",
        width: 12,
        is_figure: false,
        rank: 4,
        cell: |lock| names::resource_kind(lock.resource.kind).to_owned(),
        compare: |a, b| a.resource.kind.cmp(&b.resource.kind),
    },
    Column {
        title: "WAITED",
        width: 9,
        is_figure: true,
        rank: 1,
        cell: |lock| units::duration(Some(lock.wait_ns_total)),
        compare: |a, b| a.wait_ns_total.cmp(&b.wait_ns_total),
    },
    Column {
        title: "WAITS",
        width: 8,
        is_figure: true,
        rank: 2,
        cell: |lock| units::count(Some(lock.waits_total)),
        compare: |a, b| a.waits_total.cmp(&b.waits_total),
    },
    Column {
        title: "LONGEST",
        width: 9,
        is_figure: true,
        rank: 3,
        cell: |lock| units::duration(Some(lock.max_ns)),
        compare: |a, b| a.max_ns.cmp(&b.max_ns),
    },
    Column {
        title: "UNMEASURED",
        width: 11,
        is_figure: true,
        rank: 6,
        cell: |lock| units::count(Some(lock.unmeasured_total)),
        compare: |a, b| a.unmeasured_total.cmp(&b.unmeasured_total),
    },
    Column {
        title: "MOST BY",
        width: 24,
        is_figure: false,
        rank: 5,
        cell: most_by,
        compare: |a, b| most_by(a).cmp(&most_by(b)),
    },
];

/// `WAITED`.
pub(super) const DEFAULT_SORT: usize = 2;

/// The memcg whose tasks waited longest.
fn most_by(lock: &LockStats) -> String {
    names::path(lock.memcgs.first().and_then(|memcg| memcg.memcg.as_deref()))
}

/// The lines of all trees that have a text in them, which is lower case, by their places.
pub(super) fn rows(lines: &[Line], filter: &str) -> Vec<usize> {
    let matches = |line: &Line| filter.is_empty() || line.text.to_lowercase().contains(filter);
    (0..lines.len()).filter(|at| matches(&lines[*at])).collect()
}

/// Whether the sums of a lock have such a text in them.
pub(super) fn stats_match(lock: &LockStats, filter: &str) -> bool {
    let name = names::lock(&lock.resource).to_lowercase();
    name.contains(filter) || most_by(lock).to_lowercase().contains(filter)
}

/// Identity of a lock, for the selection.
pub(super) fn stats_identity(lock: &LockStats) -> u64 {
    let mut hasher = DefaultHasher::new();
    (lock.resource.addr, &lock.resource.name).hash(&mut hasher);
    hasher.finish()
}

/// Draws the tab.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, snapshot: &Snapshot) {
    let (waits, stats) = (&app.rows.main, &app.rows.stats);
    if waits.is_empty() && draw_empty(buffer, area, app, &snapshot.lock_waits) {
        return;
    }
    let wanted = rows_u16(waits.len().max(1)).saturating_add(1);
    let least_below = if stats.is_empty() { 0 } else { area.height / 2 };
    let top_rows = wanted.min(area.height - least_below);
    // The line below the trees stays empty, to tell them from the table.
    let top = Rect {
        height: top_rows.saturating_sub(1).max(1),
        ..area
    };
    let below = Rect {
        y: area.y + top_rows,
        height: area.height - top_rows,
        ..area
    };
    let selected = app.list().selected();
    if waits.is_empty() {
        put(buffer, top, 0, "no waits", app.theme.faint());
    } else {
        draw_trees(buffer, top, app, selected.filter(|at| *at < waits.len()));
    }
    if !stats.is_empty() {
        let selected = selected.and_then(|at| at.checked_sub(waits.len()));
        plain_grid(app, STATS, &snapshot.lock_stats.items, stats, selected)
            .draw(buffer, below, app.theme);
    }
}

fn draw_trees(buffer: &mut Buffer, area: Rect, app: &App, selected: Option<usize>) {
    let waits = &app.rows.main;
    let height = usize::from(area.height);
    let first = first_shown(selected.unwrap_or(0), waits.len(), height);
    let columns = usize::from(area.width);
    for (y, at) in (0..area.height).zip(first..waits.len()) {
        let Some(line) = app.tree.get(waits[at]) else {
            continue;
        };
        let style = match (selected == Some(at), line.is_alarm) {
            (true, _) => app.theme.selected(),
            (false, true) => app.theme.alarm(),
            (false, false) => Style::new(),
        };
        let text = fit::pad(&fit::cut_end(&line.text, columns), columns, false);
        put(buffer, area, y, &text, style);
    }
}
