//! The filter: what the user types after `/`.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Text of the filter, and whether the user still types it.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    pub(super) text: String,
    pub(super) is_edited: bool,
}

impl Filter {
    pub(super) fn paste(&mut self, text: &str) {
        self.text.extend(text.chars().filter(|c| !c.is_control()));
    }

    pub(super) fn edit(&mut self, event: KeyEvent) {
        let is_plain = event.modifiers.difference(KeyModifiers::SHIFT).is_empty();
        match event.code {
            KeyCode::Enter => self.is_edited = false,
            KeyCode::Esc => *self = Self::default(),
            KeyCode::Backspace => {
                self.text.pop();
            }
            KeyCode::Char(c) if is_plain => self.text.push(c),
            _ => {}
        }
    }
}
