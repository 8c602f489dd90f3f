//! The advice of all answers as a list to copy: a script that a person reads first.

use std::fmt::Write as _;

use super::{advice, names};
use crate::model::abandoned::{self, LEAST_AGE_NS};
use crate::model::snapshot::{Action, Snapshot};

/// The steps, each zombie and group of cgroups under a comment; what is no command is one, too.
#[must_use]
pub fn list(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    for pins in &snapshot.pins.items {
        let steps = pins.advice.iter();
        let mut steps = steps.filter(|one| one.action != Action::Nothing).peekable();
        if steps.peek().is_none() {
            continue;
        }
        let _ = writeln!(text, "# {}", names::path(Some(&pins.zombie)));
        for step in steps {
            let line = advice::line(step);
            let mark = if advice::is_command(step) { "" } else { "# " };
            let bound = advice::bound(step).map(|bound| format!("  # {bound}"));
            let _ = writeln!(text, "{mark}{line}{}", bound.unwrap_or_default());
        }
    }
    for group in abandoned::list(snapshot, LEAST_AGE_NS).groups {
        if group.commands.is_empty() {
            continue;
        }
        let _ = writeln!(text, "# {}", group.sentence);
        for command in &group.commands {
            let _ = writeln!(text, "{command}");
        }
    }
    text
}
