//! A tab that is one table of one section.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::keys::{self, Action, Hint};
use super::picture::Picture;
use super::table::Table;
use super::view::{Effect, Scene, View, draw_empty};
use crate::model::snapshot::{Section, Snapshot};

/// The number of pictures of a row, and the pictures; `(0, |_, _| Vec::new())` for none.
type Pictures<T> = (u16, fn(&T, &Snapshot) -> Vec<Picture>);

#[derive(Debug)]
pub(super) struct SectionView<T: 'static> {
    pub(super) name: &'static str,
    pub(super) section: fn(&Snapshot) -> &Section<T>,
    /// Whether a row contains a text, which is lower case.
    pub(super) matches: fn(&T, &str) -> bool,
    /// Identity of a row in all snapshots.
    pub(super) identity: fn(&T) -> u64,
    pub(super) table: Table<T>,
    pub(super) pictures: Pictures<T>,
}

impl<T: std::fmt::Debug> View for SectionView<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn is_known(&self, snapshot: &Snapshot) -> bool {
        (self.section)(snapshot).is_known()
    }

    fn refresh(&mut self, scene: &Scene<'_>) {
        let is_shown =
            |row: &T| scene.filter.text.is_empty() || (self.matches)(row, &scene.filter.text);
        let items = &(self.section)(scene.snapshot).items;
        self.table
            .refresh(items, scene.filter, is_shown, self.identity);
    }

    fn on(&mut self, action: Action, _: &Scene<'_>, page: usize) -> Effect {
        self.table.on(action, page)
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let section = (self.section)(scene.snapshot);
        if !draw_empty(buffer, area, scene, section, !self.table.is_empty()) {
            self.table.draw(buffer, area, &section.items, scene.theme);
        }
    }

    fn picture_rows(&self) -> u16 {
        match self.pictures.0 {
            0 => 0,
            // A rule is above them.
            pictures => pictures + 1,
        }
    }

    fn pictures(&self, scene: &Scene<'_>) -> Vec<Picture> {
        let items = &(self.section)(scene.snapshot).items;
        let row = self.table.selected().and_then(|at| items.get(at));
        row.map(|row| self.pictures.1(row, scene.snapshot))
            .unwrap_or_default()
    }

    fn json(&self, scene: &Scene<'_>) -> Option<String> {
        self.table.json(&(self.section)(scene.snapshot).items)
    }

    fn click(&mut self, line: usize, height: usize) {
        self.table.click(line, height);
    }

    fn hints(&self) -> &'static [Hint] {
        &[keys::FILTER, keys::SORT]
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        self.table.order.meanings()
    }
}
