//! A tab of the screen.

use std::fmt::Debug;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::detail::Detail;
use super::grid::put;
use super::keys::{Action, Hint};
use super::theme::Theme;
use crate::model::snapshot::{Section, Snapshot};
use crate::output::fit;
use crate::sample::tame;

/// What a tab looks at.
pub(super) struct Scene<'a> {
    pub(super) snapshot: &'a Snapshot,
    /// What rows must have in them, in lower case; empty if all are shown.
    pub(super) filter: &'a str,
    pub(super) theme: Theme,
}

/// What the screen has to do after a key.
#[derive(Debug)]
pub(super) enum Effect {
    /// Nothing but to draw.
    Done,
    /// The tab's rows have to be worked out anew.
    Refresh,
    /// The tab of a name is shown.
    Show(&'static str),
    /// Something is shown alone, and asked for if it is a question.
    Open(Detail),
}

/// The title of a column, and what is in it.
pub(super) type Word = (&'static str, &'static str);

/// A tab. It owns its rows, their order and the selection.
pub(super) trait View: Debug {
    /// What it is called in the tab bar.
    fn name(&self) -> &'static str;

    /// What it is called there while it is shown.
    fn title(&self) -> String {
        self.name().to_owned()
    }

    /// Whether there are figures for it.
    fn is_known(&self, snapshot: &Snapshot) -> bool;

    /// Works out anew which rows there are, after anything that they depend on has changed.
    fn refresh(&mut self, scene: &Scene<'_>);

    /// Takes in a key, on a screen with so many rows for a table.
    fn on(&mut self, action: Action, scene: &Scene<'_>, page: usize) -> Effect;

    /// Draws what was worked out.
    fn draw(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>);

    /// What keys do here, for the line at the bottom and the help.
    fn hints(&self) -> &'static [Hint];

    /// What its columns mean, for the help.
    fn words(&self) -> &'static [Word];

    /// What is to be said in the header instead of the longest wait.
    fn headline(&self, _snapshot: &Snapshot) -> Option<String> {
        None
    }
}

/// Says why there are no rows, if there are none.
pub(super) fn draw_empty<T>(
    buffer: &mut Buffer,
    area: Rect,
    scene: &Scene<'_>,
    section: &Section<T>,
    has_rows: bool,
) -> bool {
    let line = match &section.reason {
        Some(reason) => format!("no {} figures: {}", section.name, tame(reason)),
        None if has_rows => return false,
        None if scene.filter.is_empty() => "none so far".to_owned(),
        None => "no row matches".to_owned(),
    };
    let line = fit::cut_end(&line, usize::from(area.width));
    put(buffer, area, 0, &line, scene.theme.faint());
    true
}
