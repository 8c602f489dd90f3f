//! The ledger of one zombie, on a screen of its own.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::grid::put;
use super::keys::Action;
use super::theme::Theme;
use crate::model::snapshot::{MemcgId, Pins, Snapshot};
use crate::model::zombies::pins_of;
use crate::output::pins as text;
use crate::output::text::Style as TextStyle;
use crate::output::{fit, names};
use crate::sample::tame;
use crate::source::ask::NOT_RECORDED;

/// What became of the question.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Question {
    Asked,
    Answered,
    /// And why not.
    Unanswered(String),
}

/// Which zombie is shown, and how far down.
#[derive(Clone, Debug)]
pub(super) struct Detail {
    id: Arc<MemcgId>,
    question: Question,
    first: usize,
}

impl Detail {
    /// The screen of a zombie that is being asked about.
    pub(super) fn asked(id: Arc<MemcgId>) -> Self {
        Self {
            id,
            question: Question::Asked,
            first: 0,
        }
    }

    pub(super) fn serial_nr(&self) -> u64 {
        self.id.serial_nr
    }

    pub(super) fn ask_again(&mut self) {
        self.question = Question::Asked;
    }

    pub(super) fn answered(&mut self) {
        self.question = Question::Answered;
    }

    pub(super) fn unanswered(&mut self, why: &str) {
        self.question = Question::Unanswered(why.to_owned());
    }

    /// Moves what is shown, on a screen of so many columns with so many rows for it.
    pub(super) fn scroll(&mut self, action: Action, snapshot: &Snapshot, area: (usize, usize)) {
        let (columns, rows) = area;
        let last = self.lines(snapshot, columns).len().saturating_sub(rows);
        let to = match action {
            Action::Up => self.first.saturating_sub(1),
            Action::Down => self.first.saturating_add(1),
            Action::PageUp => self.first.saturating_sub(rows),
            Action::PageDown => self.first.saturating_add(rows),
            Action::First => 0,
            Action::Last => last,
            _ => self.first,
        };
        self.first = to.min(last);
    }

    fn lines(&self, snapshot: &Snapshot, columns: usize) -> Vec<String> {
        let style = TextStyle {
            columns: Some(columns),
            colour: false,
        };
        let pins = pins_of(snapshot, self.id.serial_nr);
        let said = pins.map(|pins: &Pins| text::one(pins, snapshot.mono_ns, style));
        let body = match said {
            Some(said) => said,
            None => format!("{}\n", names::path(Some(&self.id))),
        };
        let mut lines: Vec<String> = Vec::new();
        if let Some(state) = self.state(snapshot, pins.is_some()) {
            lines.extend(fit::wrapped(&state, columns, 2));
            lines.push(String::new());
        }
        lines.extend(body.lines().map(str::to_owned));
        lines
    }

    /// What is to be said beside the answer, or where there is none.
    fn state(&self, snapshot: &Snapshot, has_answer: bool) -> Option<String> {
        let is_me = |id: &MemcgId| id.serial_nr == self.id.serial_nr;
        let memcgs = &snapshot.memcgs;
        let mut zombies = memcgs.items.iter().filter(|memcg| memcg.phase.is_some());
        if memcgs.is_known() && !zombies.any(|zombie| is_me(&zombie.id)) {
            return Some("gone: it was released, nothing pins it any more".to_owned());
        }
        match &self.question {
            Question::Asked => Some("asking the kernel who pins it …".to_owned()),
            // What a recording holds is all that there is.
            Question::Unanswered(why) if has_answer && why == NOT_RECORDED => None,
            Question::Unanswered(why) if why == NOT_RECORDED => Some(format!(
                "no answer: {NOT_RECORDED}: nobody asked while this was recorded"
            )),
            Question::Unanswered(why) => Some(format!("no answer: {}", tame(why))),
            Question::Answered if !has_answer => {
                Some("no answer: it was not found any more".to_owned())
            }
            Question::Answered => None,
        }
    }

    /// Draws it.
    pub(super) fn draw(&self, buffer: &mut Buffer, area: Rect, snapshot: &Snapshot, theme: Theme) {
        let lines = self.lines(snapshot, usize::from(area.width));
        let height = usize::from(area.height);
        let first = self.first.min(lines.len().saturating_sub(height));
        for (y, line) in (0..area.height).zip(lines.iter().skip(first)) {
            put(buffer, area, y, line, style(line, theme));
        }
    }
}

/// Headings of the ledger and of the advice stand out.
fn style(line: &str, theme: Theme) -> Style {
    if line.starts_with("KIND ") || line == "what would free it" {
        theme.heading()
    } else if line.starts_with('/') {
        theme.title()
    } else {
        Style::new()
    }
}
