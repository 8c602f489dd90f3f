//! The state of a table: its order, its rows, and the selected row.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::columns::Column;
use super::cursor::Cursor;
use super::filter::Wanted;
use super::grid::Grid;
use super::keys::Action;
use super::order::Order;
use super::theme::Theme;
use super::view::Effect;

/// The state of a table, without its items.
#[derive(Clone, Debug)]
pub(super) struct Table<T: 'static> {
    pub(super) order: Order<T>,
    pub(super) cursor: Cursor,
    /// Indices of the items that are shown, in their order.
    rows: Vec<usize>,
}

impl<T> Table<T> {
    /// A table sorted by the column with this title.
    pub(super) fn by(title: &str, columns: &'static [Column<T>]) -> Self {
        Self {
            order: Order::by(title, columns),
            cursor: Cursor::default(),
            rows: Vec::new(),
        }
    }

    /// Computes again which items are shown, in the table's own order.
    pub(super) fn refresh(
        &mut self,
        items: &[T],
        wanted: &Wanted,
        is_shown: impl Fn(&T) -> bool,
        identity: fn(&T) -> u64,
    ) {
        let rows = self.order.rows(items, wanted, is_shown);
        self.show(items, rows, identity);
    }

    /// Shows the items with these indices.
    pub(super) fn show(&mut self, items: &[T], rows: Vec<usize>, identity: fn(&T) -> u64) {
        self.cursor
            .update(rows.iter().map(|at| identity(&items[*at])).collect());
        self.rows = rows;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Index of the selected item.
    pub(super) fn selected(&self) -> Option<usize> {
        self.rows.get(self.cursor.selected()?).copied()
    }

    /// The selected item as one line of JSON.
    pub(super) fn json(&self, items: &[T]) -> Option<String> {
        self.order.json(items.get(self.selected()?)?)
    }

    /// Moves the selection or changes the order.
    pub(super) fn on(&mut self, action: Action, page: usize) -> Effect {
        if self.order.on(action) {
            return Effect::Refresh;
        }
        self.cursor.on(action, page);
        Effect::Done
    }

    /// Selects the row at this line, of so many with the heading.
    pub(super) fn click(&mut self, line: usize, height: usize) {
        if let Some(below) = line.checked_sub(1) {
            self.cursor.click(below, height.saturating_sub(1));
        }
    }

    /// The table ready to be drawn.
    pub(super) fn grid<'a>(&'a self, items: &'a [T]) -> Grid<'a, T> {
        Grid::of(&self.order, items, &self.rows, self.cursor.selected())
    }

    /// Draws the table with plain rows.
    pub(super) fn draw(&self, buffer: &mut Buffer, area: Rect, items: &[T], theme: Theme) {
        self.grid(items).draw(buffer, area, theme);
    }
}
