//! Rows that the user takes along: rows and lists that are printed after the end.

use super::app::App;
use crate::units;

/// Maximum number of lines to be printed on exit.
const MAX_YANKED: usize = 1_000;

impl App {
    /// Lines that the user wants to have after the end.
    #[must_use]
    pub fn yanked(&self) -> &[String] {
        &self.yanked
    }

    /// Notes the selected row, to be printed on exit.
    pub(super) fn yank(&mut self) {
        if let (Some(detail), Some(shown)) = (&self.detail, &self.time.shown) {
            let lines = detail.to_copy(shown);
            return match lines.is_empty() || self.yanked.len() + lines.len() > MAX_YANKED {
                true => self.say("there is nothing here to be printed on exit"),
                false => {
                    self.yanked.extend(lines);
                    self.say("the list will be printed on exit");
                }
            };
        }
        let row = self.with_view(|view, scene| view.json(scene)).flatten();
        match row {
            Some(row) if self.yanked.len() < MAX_YANKED => {
                if !self.yanked.contains(&row) {
                    self.yanked.push(row);
                }
                let count = units::things(self.yanked.len() as u64, "row");
                self.say(&format!("{count} will be printed as JSON on exit"));
            }
            Some(_) => self.say("so many rows will be printed already"),
            None => self.say("there is no row of figures here"),
        }
    }
}
