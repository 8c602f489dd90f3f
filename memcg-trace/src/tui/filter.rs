//! The filter: what the user types after `/`.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::output::figures::Threshold;

/// Conditions on rows that are shown: words, and figures within bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Text that they contain, in lower case; empty if any will do.
    pub(super) text: String,
    pub(super) bounds: Vec<Threshold>,
}

impl Wanted {
    /// Returns whether each row is shown.
    pub(super) fn is_all(&self) -> bool {
        self.text.is_empty() && self.bounds.is_empty()
    }
}

/// Text of the filter, and whether the user still types it.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    pub(super) text: String,
    pub(super) is_edited: bool,
}

impl Filter {
    /// Returns the meaning of the text: each `COLUMN>VALUE` in it is a bound, and the rest is text.
    pub(super) fn wanted(&self) -> Wanted {
        let mut wanted = Wanted::default();
        let mut words = Vec::new();
        for word in self.text.split(' ') {
            match Threshold::parse(word) {
                Some(bound) => wanted.bounds.push(bound),
                None => words.push(word),
            }
        }
        let text = words.join(" ").to_lowercase();
        wanted.text = match wanted.bounds.is_empty() {
            true => text,
            false => text.trim().to_owned(),
        };
        wanted
    }

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
