//! The table of keys and their actions, from which the help is made too.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Actions of the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    NextTab,
    PreviousTab,
    Open,
    Ask,
    Filter,
    Back,
    Sort,
    Reverse,
    Turn,
    Pause,
    SampleBack,
    SampleForward,
    MinuteBack,
    MinuteForward,
    GoTo,
    Write,
    Yank,
    Advice,
    Help,
    Quit,
}

/// A key with its modifiers except Shift, which is in the character.
type Key = (KeyCode, KeyModifiers);

/// Keys of an action, and a few words about it.
pub(super) struct Binding {
    pub(super) action: Action,
    keys: &'static [Key],
    pub(super) help: &'static str,
}

const fn plain(code: KeyCode) -> Key {
    (code, KeyModifiers::NONE)
}

const fn char(c: char) -> Key {
    plain(KeyCode::Char(c))
}

const fn ctrl(c: char) -> Key {
    (KeyCode::Char(c), KeyModifiers::CONTROL)
}

/// All bindings, in the order of the help.
pub(super) const BINDINGS: &[Binding] = &[
    Binding {
        action: Action::Quit,
        keys: &[char('q'), ctrl('c')],
        help: "quit",
    },
    Binding {
        action: Action::Help,
        keys: &[char('?'), char('h')],
        help: "this help",
    },
    Binding {
        action: Action::NextTab,
        keys: &[plain(KeyCode::Tab), plain(KeyCode::Right)],
        help: "next tab",
    },
    Binding {
        action: Action::PreviousTab,
        keys: &[plain(KeyCode::BackTab), plain(KeyCode::Left)],
        help: "previous tab",
    },
    Binding {
        action: Action::Up,
        keys: &[plain(KeyCode::Up), char('k')],
        help: "up",
    },
    Binding {
        action: Action::Down,
        keys: &[plain(KeyCode::Down), char('j')],
        help: "down",
    },
    Binding {
        action: Action::PageUp,
        keys: &[plain(KeyCode::PageUp), ctrl('b')],
        help: "a page up",
    },
    Binding {
        action: Action::PageDown,
        keys: &[plain(KeyCode::PageDown), ctrl('f')],
        help: "a page down",
    },
    Binding {
        action: Action::First,
        keys: &[char('g'), plain(KeyCode::Home)],
        help: "to the first",
    },
    Binding {
        action: Action::Last,
        keys: &[char('G'), plain(KeyCode::End)],
        help: "to the last",
    },
    Binding {
        action: Action::Open,
        keys: &[plain(KeyCode::Enter)],
        help: "open the selected row, where there is more",
    },
    Binding {
        action: Action::Ask,
        keys: &[char('r')],
        help: "ask the kernel again, about a zombie or about waits",
    },
    Binding {
        action: Action::Filter,
        keys: &[char('/')],
        help: "show only rows with a text, and with figures: SLAB>10M AGE<5m",
    },
    Binding {
        action: Action::Back,
        keys: &[plain(KeyCode::Esc)],
        help: "back: leave the help or what Enter opened, clear the filter",
    },
    Binding {
        action: Action::Sort,
        keys: &[char('s')],
        help: "sort by the next column",
    },
    Binding {
        action: Action::Reverse,
        keys: &[char('S')],
        help: "sort the other way round",
    },
    Binding {
        action: Action::Turn,
        keys: &[char('c')],
        help: "turn the table, where it has two directions",
    },
    Binding {
        action: Action::Pause,
        keys: &[char(' ')],
        help: "pause; resume, from the past too",
    },
    Binding {
        action: Action::SampleBack,
        keys: &[char('[')],
        help: "a sample back",
    },
    Binding {
        action: Action::SampleForward,
        keys: &[char(']')],
        help: "a sample forward",
    },
    Binding {
        action: Action::MinuteBack,
        keys: &[char('{')],
        help: "a minute back",
    },
    Binding {
        action: Action::MinuteForward,
        keys: &[char('}')],
        help: "a minute forward",
    },
    Binding {
        action: Action::GoTo,
        keys: &[char(':')],
        help: "go to a time: 12:34 or 12:34:56 in UTC, -5m or +90s from here",
    },
    Binding {
        action: Action::Write,
        keys: &[char('w')],
        help: "write what is kept as a recording, for others or for `report`",
    },
    Binding {
        action: Action::Yank,
        keys: &[char('y')],
        help: "print the selected row as JSON on exit, or the list of advice",
    },
    Binding {
        action: Action::Advice,
        keys: &[char('!')],
        help: "all advice of the answers so far, as a list to copy",
    },
];

/// Actions and their words on a tab, for the line at the bottom and for the help.
pub(super) type Hint = (&'static [Action], &'static str);

/// The hint of screens that can be filtered.
pub(super) const FILTER: Hint = (&[Action::Filter], "filter");
/// The hint of tables whose columns can be sorted by.
pub(super) const SORT: Hint = (&[Action::Sort], "sort");

/// A hint as text: the first key of each action, and the words.
pub(super) fn hint((actions, words): &Hint) -> String {
    let of = |action: &Action| BINDINGS.iter().find(|binding| binding.action == *action);
    let keys = actions.iter().filter_map(of);
    let mut parts: Vec<String> = keys
        .filter_map(|binding| binding.keys.first())
        .map(|key| name(*key))
        .collect();
    parts.push((*words).to_owned());
    parts.join(" ")
}

/// The action of a key, if it has one.
pub(super) fn action(event: KeyEvent) -> Option<Action> {
    let key = (event.code, event.modifiers.difference(KeyModifiers::SHIFT));
    BINDINGS
        .iter()
        .find(|binding| binding.keys.contains(&key))
        .map(|binding| binding.action)
}

impl Binding {
    /// Names of the keys, for the help.
    pub(super) fn label(&self) -> String {
        let names: Vec<String> = self.keys.iter().map(|key| name(*key)).collect();
        names.join(" ")
    }
}

fn name((code, modifiers): Key) -> String {
    let name = match code {
        KeyCode::Char(' ') => "Space".to_owned(),
        KeyCode::Char(c) => c.to_string(),
        KeyCode::BackTab => "Shift-Tab".to_owned(),
        KeyCode::PageUp => "PgUp".to_owned(),
        KeyCode::PageDown => "PgDn".to_owned(),
        other => format!("{other:?}"),
    };
    if modifiers.contains(KeyModifiers::CONTROL) {
        format!("Ctrl-{name}")
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_does_two_things_and_no_action_is_twice() {
        let keys: Vec<Key> = BINDINGS
            .iter()
            .flat_map(|binding| binding.keys)
            .copied()
            .collect();
        for (at, key) in keys.iter().enumerate() {
            assert!(
                !keys[at + 1..].contains(key),
                "{} is bound twice",
                name(*key)
            );
        }
        let actions: Vec<Action> = BINDINGS.iter().map(|binding| binding.action).collect();
        for (at, action) in actions.iter().enumerate() {
            assert!(
                !actions[at + 1..].contains(action),
                "{action:?} is there twice"
            );
        }
    }

    #[test]
    fn shift_is_in_the_character() {
        let event = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(action(event), Some(Action::Last));
        let event = KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT);
        assert_eq!(action(event), Some(Action::PreviousTab));
        let event = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::ALT);
        assert_eq!(action(event), None);
    }
}
