//! The lines of a report.

use std::fmt::Write as _;

use crate::output::fit;
use crate::sample::sanitized;

/// Columns that mail has.
pub(super) const COLUMNS: usize = 76;
/// Columns of the names of facts.
const NAMES: usize = 15;

/// A report that is written.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    /// Writes a line, wrapped; the lines after the first are indented.
    pub(super) fn line(&mut self, line: &str, indent: usize) {
        for line in fit::wrapped(line, COLUMNS, indent) {
            self.raw(line.trim_end());
        }
    }

    /// Writes a line that is pasted or compared, and so stays whole.
    pub(super) fn raw(&mut self, line: &str) {
        let _ = writeln!(self.text, "{line}");
    }

    pub(super) fn empty(&mut self) {
        self.raw("");
    }

    /// Writes a fact by its name.
    pub(super) fn fact(&mut self, name: &str, value: &str) {
        let name = fit::pad(&format!("{name}:"), NAMES, false);
        self.line(&format!("{name}{value}"), NAMES);
    }

    /// Starts a section.
    pub(super) fn section(&mut self, title: &str) {
        self.empty();
        self.raw(title);
        self.raw(&"-".repeat(title.len()));
    }

    /// Writes the stack of a task in that state, a function a line.
    pub(super) fn stack(&mut self, stack: &[String], state: Option<char>) {
        if stack.is_empty() {
            let why = match state {
                Some('R') => ": that of a running task cannot be read",
                Some('Z' | 'X') => ": the task is dead",
                _ => "",
            };
            self.raw(&format!("  stack: not known{why}"));
            return;
        }
        self.raw("  stack, the innermost function first:");
        for symbol in stack {
            self.raw(&format!("    {}", sanitized(symbol)));
        }
    }

    /// Writes a text that has its own lines.
    pub(super) fn text(&mut self, text: &str) {
        for line in text.lines() {
            self.raw(line.trim_end());
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}
