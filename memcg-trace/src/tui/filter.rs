//! The filter: what the user types after `/`.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::app::App;

/// What the user typed after `/`, and whether he still does.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    pub(super) text: String,
    pub(super) is_edited: bool,
}

impl App {
    /// Takes in pasted text: only a filter has use for it.
    pub fn paste(&mut self, text: &str) {
        if self.filter.is_edited {
            self.filter
                .text
                .extend(text.chars().filter(|c| !c.is_control()));
            self.refresh();
        }
    }

    pub(super) fn edit_filter(&mut self, event: KeyEvent) {
        let is_plain = event.modifiers.difference(KeyModifiers::SHIFT).is_empty();
        match event.code {
            KeyCode::Enter => self.filter.is_edited = false,
            KeyCode::Esc => self.filter = Filter::default(),
            KeyCode::Backspace => {
                self.filter.text.pop();
            }
            KeyCode::Char(c) if is_plain => self.filter.text.push(c),
            _ => {}
        }
        self.refresh();
    }
}
