//! Columns of a table: which figures it shows, and which go first where there is no room.

use std::cmp::Ordering;

use crate::output::figures::{self, Heading, Row};

/// A column of a table of `T`: a figure, and how much room it has.
#[derive(Debug)]
pub(super) struct Column<T> {
    /// Of the figure.
    key: &'static str,
    /// If not the figure's own.
    title: Option<&'static str>,
    /// Columns of the screen; the first column of a table takes what the others leave.
    pub(super) width: usize,
    /// Where there is no room, the columns with the highest rank go first.
    pub(super) rank: u8,
    heading: fn(&str) -> Option<Heading>,
    cell: fn(&T, &str) -> String,
    compare: fn(&T, &T, &str) -> Ordering,
}

impl<T: Row> Column<T> {
    /// The figure with that key.
    pub(super) const fn new(key: &'static str, width: usize, rank: u8) -> Self {
        Self {
            key,
            title: None,
            width,
            rank,
            heading: figures::heading::<T>,
            cell: figures::cell::<T>,
            compare: figures::compare::<T>,
        }
    }
}

impl<T> Column<T> {
    /// Under another title than the figure's own.
    pub(super) const fn titled(mut self, title: &'static str) -> Self {
        self.title = Some(title);
        self
    }

    /// Heading.
    pub(super) fn title(&self) -> &'static str {
        let own = || (self.heading)(self.key).map_or(self.key, |heading| heading.title);
        self.title.unwrap_or_else(own)
    }

    /// Figures are on the right, and sorted from the largest.
    pub(super) fn is_figure(&self) -> bool {
        (self.heading)(self.key).is_some_and(|heading| heading.is_number)
    }

    /// What is in it.
    pub(super) fn cell(&self, row: &T) -> String {
        (self.cell)(row, self.key)
    }

    /// From the smallest.
    pub(super) fn compare(&self, a: &T, b: &T) -> Ordering {
        (self.compare)(a, b, self.key)
    }
}

/// What the first column of a table should have at least, and a third of the screen if that
/// is more.
const FIRST_LEAST: usize = 18;
/// What it gets at most: figures far from their name are hard to read.
const FIRST_MOST: usize = 80;
/// Between two columns.
pub(super) const GAP: usize = 1;

/// The columns of a table that fit, by their index, with their widths.
pub(super) fn fitting<T>(columns: &[Column<T>], available: usize) -> Vec<(usize, usize)> {
    let least = FIRST_LEAST.max(available / 3);
    let mut shown: Vec<(usize, usize)> = columns
        .iter()
        .map(|column| column.width)
        .enumerate()
        .collect();
    let mut first = 0;
    while !shown.is_empty() {
        let taken: usize = shown.iter().skip(1).map(|(_, width)| width + GAP).sum();
        first = available.saturating_sub(taken);
        let others = shown.iter().skip(1).map(|(at, _)| *at);
        match others.max_by_key(|at| (columns[*at].rank, *at)) {
            Some(victim) if first < least => shown.retain(|(at, _)| *at != victim),
            _ => break,
        }
    }
    // What the first one does not need goes to the widest column of words.
    let spare = first.saturating_sub(FIRST_MOST);
    let words = shown
        .iter_mut()
        .skip(1)
        .filter(|(at, _)| !columns[*at].is_figure());
    if let Some((_, width)) = words.max_by_key(|(_, width)| *width) {
        *width += spare.min(FIRST_MOST);
    }
    if let Some((_, width)) = shown.first_mut() {
        *width = first - spare;
    }
    shown
}
