//! Text tables with aligned columns.

use std::fmt::Write as _;

use super::figures::{self, Heading};
use super::fit;

/// Maximum number of rows of a secondary table.
const BRIEF_ROWS: usize = 10;
/// Minimum width of a column of words if the screen is too narrow; a column of paths keeps the
/// width of a unit's name.
const LEAST: usize = 8;
const LEAST_PATH: usize = 18;

/// A column that shows a figure.
#[derive(Clone, Copy)]
pub(super) struct Shows {
    key: &'static str,
    title: Option<&'static str>,
}

/// The figure with that key, under its own title.
pub(super) const fn figure(key: &'static str) -> Shows {
    Shows { key, title: None }
}

/// The figure with that key, under another title.
pub(super) const fn titled(title: &'static str, key: &'static str) -> Shows {
    let title = Some(title);
    Shows { key, title }
}

/// Settings for the text of a snapshot.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Maximum width of a line; `None` for no limit.
    pub columns: Option<usize>,
    /// Whether headings and zombies may be coloured.
    pub colour: bool,
}

/// A row, and whether it should be seen first.
struct Row {
    cells: Vec<String>,
    is_marked: bool,
}

/// The meaning of a figure by its key.
type Meaning = fn(&str) -> Option<String>;

/// A table, and the number of rows that it leaves out.
pub(super) struct Table {
    headings: Vec<Heading>,
    /// The key of each column, and what says what these mean.
    keys: Vec<&'static str>,
    meaning: Meaning,
    rows: Vec<Row>,
    left_out: usize,
}

impl Table {
    /// A table with the columns of the screen.
    pub(super) fn like_screen<R: figures::Row>(columns: &[figures::Column<R>], rows: &[R]) -> Self {
        let heading = |one: &figures::Column<R>| Heading {
            title: one.title(),
            is_number: one.is_figure(),
        };
        let row = |row: &R| Row {
            cells: columns.iter().map(|one| one.cell(row)).collect(),
            is_marked: false,
        };
        Self {
            headings: columns.iter().map(heading).collect(),
            keys: columns.iter().map(figures::Column::key).collect(),
            meaning: figures::meaning::<R>,
            rows: rows.iter().map(row).collect(),
            left_out: 0,
        }
    }

    /// A table of figures of rows.
    pub(super) fn of<'r, R: figures::Row + 'r>(
        columns: &[Shows],
        rows: impl IntoIterator<Item = &'r R>,
        left_out: usize,
    ) -> Self {
        let row = |row: &R| Row {
            cells: (columns.iter())
                .map(|column| figures::cell(row, column.key))
                .collect(),
            is_marked: false,
        };
        let heading = |column: &Shows| {
            let own = figures::heading::<R>(column.key);
            debug_assert!(own.is_some(), "no figure {}", column.key);
            let own = own.unwrap_or(Heading {
                title: column.key,
                is_number: false,
            });
            Heading {
                title: column.title.unwrap_or(own.title),
                ..own
            }
        };
        Self {
            headings: columns.iter().map(heading).collect(),
            keys: columns.iter().map(|column| column.key).collect(),
            meaning: figures::meaning::<R>,
            rows: rows.into_iter().map(row).collect(),
            left_out,
        }
    }

    /// The first rows of a table, and the number of the others.
    pub(super) fn brief<R: figures::Row>(columns: &[Shows], rows: &[&R]) -> Self {
        let shown = rows.iter().take(BRIEF_ROWS).copied();
        Self::of(columns, shown, rows.len().saturating_sub(BRIEF_ROWS))
    }

    /// Marks some of the rows.
    pub(super) fn marked(mut self, marks: impl Iterator<Item = bool>) -> Self {
        for (row, is_marked) in self.rows.iter_mut().zip(marks) {
            row.is_marked = is_marked;
        }
        self
    }

    /// The heading of each column, and what the figures below it mean.
    pub(super) fn columns(&self) -> Vec<(Heading, Option<String>)> {
        let meanings = self.keys.iter().map(|key| (self.meaning)(key));
        self.headings.iter().copied().zip(meanings).collect()
    }

    /// The cells of each row, and whether it should be seen first.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&[String], bool)> {
        self.rows.iter().map(|row| (&*row.cells, row.is_marked))
    }

    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Writes the table; nothing at all if there are no rows.
    pub(super) fn write(&self, text: &mut String, style: Style) {
        if self.rows.is_empty() {
            return;
        }
        let widths: Vec<usize> = self
            .headings
            .iter()
            .enumerate()
            .map(|(at, heading)| {
                let cells = self.rows.iter().filter_map(|row| row.cells.get(at));
                cells
                    .map(|cell| fit::width(cell))
                    .max()
                    .unwrap_or(0)
                    .max(heading.title.len())
            })
            .collect();
        let least = |at: usize| {
            let mut cells = self.rows.iter().filter_map(|row| row.cells.get(at));
            match cells.any(|cell| cell.starts_with('/')) {
                true => LEAST_PATH,
                false => LEAST,
            }
        };
        let least: Vec<usize> = (0..widths.len()).map(least).collect();
        let widths = squeezed(widths, &least, &self.headings, style.columns);
        let headings: Vec<String> = self
            .headings
            .iter()
            .map(|heading| heading.title.to_owned())
            .collect();
        let _ = writeln!(text);
        self.line(
            text,
            &headings,
            &widths,
            if style.colour { "\x1b[1m" } else { "" },
        );
        for row in &self.rows {
            let colour = if style.colour && row.is_marked {
                "\x1b[31m"
            } else {
                ""
            };
            self.line(text, &row.cells, &widths, colour);
        }
        if self.left_out > 0 {
            let _ = writeln!(text, "… and {} more", self.left_out);
        }
    }

    fn line(&self, text: &mut String, cells: &[String], widths: &[usize], colour: &str) {
        let mut line = String::new();
        for ((cell, width), heading) in cells.iter().zip(widths).zip(&self.headings) {
            let cell = fit::cut_cell(cell, *width);
            line += &fit::pad(&cell, *width, heading.is_number);
            line += "  ";
        }
        let line = line.trim_end();
        let end = if colour.is_empty() { "" } else { "\x1b[0m" };
        let _ = writeln!(text, "{colour}{line}{end}");
    }
}

/// Narrows the widest columns of words until the line fits, or until they are at their minimum.
fn squeezed(
    mut widths: Vec<usize>,
    least: &[usize],
    headings: &[Heading],
    limit: Option<usize>,
) -> Vec<usize> {
    let Some(limit) = limit else { return widths };
    let gaps = 2 * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > limit {
        let widest = widths
            .iter_mut()
            .zip(headings)
            .zip(least)
            .filter(|((width, heading), least)| !heading.is_number && **width > **least)
            .map(|((width, _), _)| width)
            .max();
        match widest {
            Some(width) => *width -= 1,
            None => break,
        }
    }
    widths
}
