//! Choice of the columns that fit a narrow screen.

pub(super) use crate::output::figures::Column;

/// Minimum width of the first column, or a third of the screen if that is more.
const MIN_FIRST_WIDTH: usize = 18;
/// Maximum width of the first column: figures far from their name are hard to read.
const MAX_FIRST_WIDTH: usize = 80;
/// Columns of the screen between two columns of a table.
pub(super) const GAP: usize = 1;

/// The columns of a table that fit, by their index, with their widths. The first one gets the width
/// that it wants, as far as the two most important others leave it.
pub(super) fn fitting<T>(
    columns: &[Column<T>],
    available: usize,
    wanted: usize,
) -> Vec<(usize, usize)> {
    let mut ranked: Vec<&Column<T>> = columns.iter().skip(1).collect();
    ranked.sort_by_key(|column| column.rank);
    let kept = ranked.iter().take(2).map(|column| column.width + GAP);
    let most = available.saturating_sub(kept.sum());
    let least = MIN_FIRST_WIDTH.max(available / 3).max(wanted.min(most));
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
    // Width that the first column does not need goes to the widest column of words.
    let spare = first.saturating_sub(MAX_FIRST_WIDTH.max(wanted));
    let words = shown
        .iter_mut()
        .skip(1)
        .filter(|(at, _)| !columns[*at].is_figure());
    if let Some((_, width)) = words.max_by_key(|(_, width)| *width) {
        *width += spare.min(MAX_FIRST_WIDTH);
    }
    if let Some((_, width)) = shown.first_mut() {
        *width = first - spare;
    }
    shown
}
