//! Styles of text. Colour is never the only sign of anything.

use ratatui::style::{Color, Modifier, Style};

/// Styles, with or without colours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Theme {
    colour: bool,
}

impl Theme {
    pub(super) fn new(colour: bool) -> Self {
        Self { colour }
    }

    fn foreground(self, style: Style, colour: Color) -> Style {
        if self.colour { style.fg(colour) } else { style }
    }

    /// Titles.
    pub(super) fn title(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Headings of columns.
    pub(super) fn heading(self) -> Style {
        self.foreground(Style::new().add_modifier(Modifier::BOLD), Color::Cyan)
    }

    /// Alarms.
    pub(super) fn alarm(self) -> Style {
        self.foreground(Style::new().add_modifier(Modifier::BOLD), Color::Red)
    }

    /// Something that is worth a look.
    pub(super) fn warning(self) -> Style {
        // Yellow is not seen on a light background.
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Something that was looked at, and is well.
    pub(super) fn good(self) -> Style {
        self.foreground(Style::new(), Color::Green)
    }

    /// Confirmed deadlocks.
    pub(super) fn banner(self) -> Style {
        self.alarm().add_modifier(Modifier::REVERSED)
    }

    /// Dead memcgs.
    pub(super) fn zombie(self) -> Style {
        self.foreground(Style::new(), Color::Magenta)
    }

    /// Absent figures, and hints.
    pub(super) fn faint(self) -> Style {
        self.foreground(Style::new().add_modifier(Modifier::DIM), Color::DarkGray)
    }

    /// The selected row.
    pub(super) fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}
