//! Columns of tables.

use super::{Heading, Order, Row, Threshold, cells, json};

/// A column of a table of `T`: a figure and its width.
#[derive(Debug)]
pub struct Column<T> {
    /// Key of the figure.
    key: &'static str,
    /// Replaces the figure's own title.
    title: Option<&'static str>,
    /// Width on the screen; the first column of a table takes what the others leave.
    pub width: usize,
    /// If the screen is too narrow, the columns with the highest rank are left out first.
    pub rank: u8,
    heading: fn(&str) -> Option<Heading>,
    meaning: fn(&str) -> Option<String>,
    cell: fn(&T, &str) -> String,
    order: fn(&T, &str) -> Order,
    admits: fn(&T, &str, &Threshold) -> bool,
    json: fn(&T) -> String,
}

impl<T: Row> Column<T> {
    /// The figure with that key.
    #[must_use]
    pub const fn new(key: &'static str, width: usize, rank: u8) -> Self {
        Self {
            key,
            title: None,
            width,
            rank,
            heading: cells::heading::<T>,
            meaning: cells::meaning::<T>,
            cell: cells::cell::<T>,
            order: cells::order::<T>,
            admits: cells::admits::<T>,
            json: json::text::<T>,
        }
    }
}

impl<T> Column<T> {
    /// Replaces the figure's own title.
    #[must_use]
    pub const fn titled(mut self, title: &'static str) -> Self {
        self.title = Some(title);
        self
    }

    #[must_use]
    pub fn key(&self) -> &'static str {
        self.key
    }

    #[must_use]
    pub fn title(&self) -> &'static str {
        let own = || (self.heading)(self.key).map_or(self.key, |heading| heading.title);
        self.title.unwrap_or_else(own)
    }

    /// Returns the meaning of the figure.
    #[must_use]
    pub fn meaning(&self) -> String {
        (self.meaning)(self.key).unwrap_or_default()
    }

    /// Whether the column has numbers: those are aligned right, and sorted from the largest.
    #[must_use]
    pub fn is_figure(&self) -> bool {
        (self.heading)(self.key).is_some_and(|heading| heading.is_number)
    }

    /// The text of the figure in a row.
    #[must_use]
    pub fn cell(&self, row: &T) -> String {
        (self.cell)(row, self.key)
    }

    /// Returns whether the figure in a row is within a bound.
    #[must_use]
    pub fn admits(&self, row: &T, bound: &Threshold) -> bool {
        (self.admits)(row, self.key, bound)
    }

    /// The whole row as a JSON object.
    #[must_use]
    pub fn json(&self, row: &T) -> String {
        (self.json)(row)
    }

    /// The key by which a row is sorted by the figure.
    #[must_use]
    pub fn order(&self, row: &T) -> Order {
        (self.order)(row, self.key)
    }
}
