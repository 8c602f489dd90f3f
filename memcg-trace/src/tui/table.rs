//! A table of a tab: its order, its rows, and which one is selected.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::columns::Column;
use super::cursor::Cursor;
use super::grid::Grid;
use super::keys::Action;
use super::order::Order;
use super::theme::Theme;
use super::view::Effect;

/// The state of a table; its items are elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Table<T: 'static> {
    pub(super) order: Order<T>,
    pub(super) cursor: Cursor,
    /// The items that are shown, by their places, in their order.
    rows: Vec<usize>,
}

impl<T> Table<T> {
    /// Sorted by the column with a title.
    pub(super) fn by(title: &str, columns: &'static [Column<T>]) -> Self {
        Self {
            order: Order::by(title, columns),
            cursor: Cursor::default(),
            rows: Vec::new(),
        }
    }

    /// Works out anew which items are shown, in the table's own order.
    pub(super) fn refresh(
        &mut self,
        items: &[T],
        is_shown: impl Fn(&T) -> bool,
        identity: fn(&T) -> u64,
    ) {
        let rows = self.order.rows(items, is_shown);
        self.show(items, rows, identity);
    }

    /// Shows these items.
    pub(super) fn show(&mut self, items: &[T], rows: Vec<usize>, identity: fn(&T) -> u64) {
        self.cursor
            .update(rows.iter().map(|at| identity(&items[*at])).collect());
        self.rows = rows;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The item that is selected, by its place.
    pub(super) fn selected(&self) -> Option<usize> {
        self.rows.get(self.cursor.selected()?).copied()
    }

    /// Moves the selection or sorts in another way.
    pub(super) fn on(&mut self, action: Action, page: usize) -> Effect {
        if self.order.on(action) {
            return Effect::Refresh;
        }
        self.cursor.on(action, page);
        Effect::Done
    }

    /// How it is drawn.
    pub(super) fn grid<'a>(&'a self, items: &'a [T]) -> Grid<'a, T> {
        Grid::of(&self.order, items, &self.rows, self.cursor.selected())
    }

    /// Draws it, with nothing special.
    pub(super) fn draw(&self, buffer: &mut Buffer, area: Rect, items: &[T], theme: Theme) {
        self.grid(items).draw(buffer, area, theme);
    }
}
