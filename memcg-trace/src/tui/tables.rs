//! What the tabs' tables have in common.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::app::App;
use super::columns::Column;
use super::grid::{Grid, put};
use crate::model::snapshot::Section;
use crate::output::fit;
use crate::sample::tame;

pub(super) fn rows_u16(rows: usize) -> u16 {
    u16::try_from(rows).unwrap_or(u16::MAX)
}

/// Says why there are no rows, if there are none.
pub(super) fn draw_empty<T>(
    buffer: &mut Buffer,
    area: Rect,
    app: &App,
    section: &Section<T>,
) -> bool {
    let line = match &section.reason {
        Some(reason) => format!("no {} figures: {}", section.name, tame(reason)),
        None if app.rows.main.is_empty() && app.rows.stats.is_empty() => {
            let why = if app.filter.text.is_empty() {
                "none so far"
            } else {
                "no row matches"
            };
            why.to_owned()
        }
        None => return false,
    };
    put(
        buffer,
        area,
        0,
        &fit::cut_end(&line, usize::from(area.width)),
        app.theme.faint(),
    );
    true
}

/// A table without anything special.
pub(super) fn plain_grid<'a, T>(
    app: &App,
    columns: &'a [Column<T>],
    items: &'a [T],
    rows: &'a [usize],
    selected: Option<usize>,
) -> Grid<'a, T> {
    Grid {
        columns,
        items,
        rows,
        selected,
        sort: (app.list().sort, app.list().reverse),
        first: None,
        style: None,
    }
}
