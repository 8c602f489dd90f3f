//! A tab of the screen.

use std::fmt::Debug;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::detail::Detail;
use super::filter::Wanted;
use super::grid::put;
use super::keys::{Action, Hint};
use super::overview::Trends;
use super::picture::Picture;
use super::theme::Theme;
use crate::model::snapshot::{Section, Snapshot};
use crate::output::fit;
use crate::sample::sanitized;

/// Input of a tab.
pub(super) struct Scene<'a> {
    pub(super) snapshot: &'a Snapshot,
    /// Conditions on rows that are shown.
    pub(super) filter: &'a Wanted,
    pub(super) theme: Theme,
    pub(super) trends: &'a Trends,
}

/// Effect of a key on the screen.
#[derive(Debug)]
pub(super) enum Effect {
    /// Only a redraw.
    Done,
    /// The tab has to compute its rows again.
    Refresh,
    /// Show the tab with this name.
    Show(&'static str),
    /// Show a detail alone, and ask its question if it has one.
    Open(Detail),
}

/// A word on a tab, and its meaning.
pub(super) type Word = (&'static str, &'static str);

/// A tab. It owns its rows, their order and the selection.
pub(super) trait View: Debug {
    /// Name in the tab bar.
    fn name(&self) -> &'static str;

    /// Name in the tab bar while the tab is shown.
    fn title(&self) -> String {
        self.name().to_owned()
    }

    /// Whether the snapshot has figures for the tab.
    fn is_known(&self, snapshot: &Snapshot) -> bool;

    /// Computes the rows again, after a change of anything that they depend on.
    fn refresh(&mut self, scene: &Scene<'_>);

    /// Acts on a key, on a screen with so many rows for a table.
    fn on(&mut self, action: Action, scene: &Scene<'_>, page: usize) -> Effect;

    /// Draws the rows of the last refresh.
    fn draw(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>);

    /// Hints for keys, for the line at the bottom and the help.
    fn hints(&self) -> &'static [Hint];

    /// Titles and meanings of the columns, for the help.
    fn columns(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Words on the tab that are no columns, for the help.
    fn words(&self) -> &'static [Word] {
        &[]
    }

    /// The selected row as one line of JSON.
    fn json(&self, _scene: &Scene<'_>) -> Option<String> {
        None
    }

    /// Selects the row at this line of the body, which has so many.
    fn click(&mut self, _line: usize, _height: usize) {}

    /// Number of lines that pictures of the selected row take below the table; 0 for none.
    fn picture_rows(&self) -> u16 {
        0
    }

    /// Pictures of the selected row.
    fn pictures(&self, _scene: &Scene<'_>) -> Vec<Picture> {
        Vec::new()
    }

    /// A line for the header instead of the longest wait.
    fn headline(&self, _snapshot: &Snapshot) -> Option<String> {
        None
    }
}

/// Draws why there are no rows; returns whether it did.
pub(super) fn draw_empty<T>(
    buffer: &mut Buffer,
    area: Rect,
    scene: &Scene<'_>,
    section: &Section<T>,
    has_rows: bool,
) -> bool {
    let line = match &section.reason {
        Some(reason) => format!("no {} figures: {}", section.name, sanitized(reason)),
        None if has_rows => return false,
        None if scene.filter.is_all() => "none so far".to_owned(),
        None => "no row matches".to_owned(),
    };
    let line = fit::cut_end(&line, usize::from(area.width));
    put(buffer, area, 0, &line, scene.theme.faint());
    true
}
