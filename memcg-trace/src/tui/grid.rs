//! Drawing of tables.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::bar;
use super::columns::{Column, GAP, fitting};
use super::cursor::first_shown;
use super::order::Order;
use super::theme::Theme;
use crate::output::fit;
use crate::units;

/// Makes the text of a cell for a number of columns of the screen.
pub(super) type Cell<'a, T> = &'a dyn Fn(&T, usize) -> String;

/// The heading of bars, and the part that the bar of a row shows.
pub(super) type Bars<'a, T> = (&'static str, &'a dyn Fn(&T) -> Option<f64>);

/// A table to be drawn.
pub(super) struct Grid<'a, T> {
    pub(super) columns: &'a [Column<T>],
    pub(super) items: &'a [T],
    /// Indices of the items to be shown, in their order.
    pub(super) rows: &'a [usize],
    /// The selected one of `rows`.
    pub(super) selected: Option<usize>,
    /// The column that the rows are sorted by, and whether the order is reversed.
    pub(super) sort: (usize, bool),
    /// Replaces the first column's own cell.
    pub(super) first: Option<Cell<'a, T>>,
    /// Width of the longest text of the first column, where that comes before other figures.
    pub(super) wanted: usize,
    /// The style of a row, if rows differ.
    pub(super) style: Option<&'a dyn Fn(&T) -> Style>,
    /// Bars on the right of the rows, where there is room.
    pub(super) bars: Option<Bars<'a, T>>,
}

impl<'a, T> Grid<'a, T> {
    /// A table with plain rows.
    pub(super) fn of(
        order: &Order<T>,
        items: &'a [T],
        rows: &'a [usize],
        selected: Option<usize>,
    ) -> Self {
        Self {
            columns: order.columns,
            items,
            rows,
            selected,
            sort: (order.sort, order.reverse),
            first: None,
            wanted: 0,
            style: None,
            bars: None,
        }
    }

    /// The table with a bar beside each row.
    pub(super) fn with_bars(self, bars: Bars<'a, T>) -> Self {
        Self {
            bars: Some(bars),
            ..self
        }
    }

    /// Draws headings and as many rows as fit.
    pub(super) fn draw(&self, buffer: &mut Buffer, area: Rect, theme: Theme) {
        if area.height == 0 {
            return;
        }
        let bars = self.bars.map(|bars| (bars, bar_columns(area.width)));
        let bars = bars.filter(|(_, columns)| *columns > 0);
        let taken = bars.map_or(0, |(_, columns)| columns + GAP);
        let columns = usize::from(area.width).saturating_sub(taken);
        let shown = fitting(self.columns, columns, self.wanted);
        let headings = shown.iter().map(|(at, _)| self.heading(*at));
        let mut line = self.line(&shown, headings);
        if let Some(((title, _), _)) = bars {
            line = fit::pad(&line, columns + GAP, false) + title;
        }
        put(buffer, area, 0, &line, theme.heading());

        let height = usize::from(area.height) - 1;
        let first = first_shown(self.selected.unwrap_or(0), self.rows.len(), height);
        let visible = self.rows.iter().enumerate().skip(first).take(height);
        for (y, (at, item)) in (1_u16..).zip(visible) {
            let Some(item) = self.items.get(*item) else {
                continue;
            };
            let cells = shown
                .iter()
                .map(|(column, width)| match (column, self.first) {
                    (0, Some(first)) => first(item, *width),
                    _ => self.columns[*column].cell(item),
                });
            let mut line = self.line(&shown, cells);
            if let Some(((_, part), width)) = bars {
                let bar = part(item).map(|part| bar::text(part, width));
                let bar = bar.unwrap_or_else(|| units::UNKNOWN.to_owned());
                line = fit::pad(&line, columns + GAP, false) + &bar;
            }
            let mut style = self.style.map_or_else(Style::new, |style| style(item));
            if self.selected == Some(at) {
                style = style.patch(theme.selected());
            }
            put(
                buffer,
                area,
                y,
                &fit::pad(&line, usize::from(area.width), false),
                style,
            );
        }
    }

    /// The heading, with a mark on the column that the rows are sorted by.
    fn heading(&self, at: usize) -> String {
        let column = &self.columns[at];
        let is_descending = column.is_figure() != self.sort.1;
        match at == self.sort.0 {
            true if is_descending => format!("{}↓", column.title()),
            true => format!("{}↑", column.title()),
            false => column.title().to_owned(),
        }
    }

    fn line(&self, shown: &[(usize, usize)], cells: impl Iterator<Item = String>) -> String {
        let mut line = String::new();
        for ((at, width), cell) in shown.iter().zip(cells) {
            if *at != 0 {
                line += &" ".repeat(GAP);
            }
            let is_figure = self.columns[*at].is_figure();
            line += &fit::pad(&fit::cut_cell(&cell, *width), *width, is_figure);
        }
        line
    }
}

/// Columns of bars on a screen of so many.
fn bar_columns(columns: u16) -> usize {
    match columns {
        0..80 => 0,
        80..120 => 8,
        _ => 16,
    }
}

/// Writes a line of an area, as far as it fits.
pub(super) fn put(buffer: &mut Buffer, area: Rect, y: u16, text: &str, style: Style) {
    let area = area.intersection(buffer.area);
    if y < area.height {
        buffer.set_stringn(area.x, area.y + y, text, usize::from(area.width), style);
    }
}
