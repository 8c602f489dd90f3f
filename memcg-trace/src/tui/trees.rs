//! Draws the tab of locks: the trees, and below them the table.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::app::App;
use super::grid::put;
use super::list::first_shown;
use super::locks::STATS;
use super::tables::{draw_empty, plain_grid, rows_u16};
use crate::model::snapshot::Snapshot;
use crate::output::fit;

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
        let text = fit::pad(&fit::cut_line(&line.text, columns), columns, false);
        put(buffer, area, y, &text, style);
    }
}
