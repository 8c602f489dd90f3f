//! Which rows of a table there are, in which order, and which one is selected.

use super::columns::Column;

/// State of one tab's table.
#[derive(Clone, Debug, Default)]
pub(super) struct List {
    /// Index of the column that the rows are sorted by.
    pub(super) sort: usize,
    /// Whether they are sorted the other way round.
    pub(super) reverse: bool,
    /// The selected row.
    selected: usize,
    /// Identity of the selected row, by which it is found again in the next snapshot.
    identity: Option<u64>,
    len: usize,
}

impl List {
    pub(super) fn sorted_by(sort: usize) -> Self {
        Self {
            sort,
            ..Self::default()
        }
    }

    /// The selected row, if there are any.
    pub(super) fn selected(&self) -> Option<usize> {
        (self.selected < self.len).then_some(self.selected)
    }

    /// Takes in the rows of a new snapshot or order. The selection stays on its row, but on
    /// the first place where it is there: who looks at the top wants to see what comes up.
    pub(super) fn update(&mut self, identities: &[u64]) {
        self.len = identities.len();
        let stays = self
            .identity
            .filter(|_| self.selected > 0)
            .and_then(|wanted| identities.iter().position(|identity| *identity == wanted));
        self.select(stays.unwrap_or(self.selected), identities);
    }

    /// Moves the selection.
    pub(super) fn select(&mut self, at: usize, identities: &[u64]) {
        self.selected = at.min(self.len.saturating_sub(1));
        self.identity = identities.get(self.selected).copied();
    }
}

/// The rows that match, sorted by a column.
pub(super) fn sorted<T>(
    items: &[T],
    columns: &[Column<T>],
    list: &List,
    matches: impl Fn(&T) -> bool,
) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..items.len()).filter(|at| matches(&items[*at])).collect();
    if let Some(column) = columns.get(list.sort) {
        let is_descending = column.is_figure != list.reverse;
        rows.sort_by(|a, b| {
            let order = (column.compare)(&items[*a], &items[*b]);
            if is_descending {
                order.reverse()
            } else {
                order
            }
        });
    }
    rows
}

/// The first row to be shown, so that the selected one is in the middle where it can be.
pub(super) fn first_shown(selected: usize, len: usize, height: usize) -> usize {
    selected
        .saturating_sub(height / 2)
        .min(len.saturating_sub(height))
}

/// The rows of a plain table, in their order, with their identities.
pub(super) fn flat<T>(
    items: &[T],
    columns: &[Column<T>],
    list: &List,
    is_shown: impl Fn(&T) -> bool,
    identity: fn(&T) -> u64,
) -> (Vec<usize>, Vec<u64>) {
    let rows = sorted(items, columns, list, is_shown);
    let identities = identities(items, &rows, identity);
    (rows, identities)
}

/// Identities of rows.
pub(super) fn identities<T>(items: &[T], rows: &[usize], identity: fn(&T) -> u64) -> Vec<u64> {
    rows.iter().map(|at| identity(&items[*at])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selection_follows_its_row_except_at_the_top() {
        let mut list = List::default();
        list.update(&[10, 20, 30]);
        list.update(&[30, 10, 20]);
        assert_eq!(list.selected(), Some(0));
        list.select(1, &[30, 10, 20]);
        list.update(&[20, 30, 40, 10]);
        assert_eq!(list.selected(), Some(3));
        list.update(&[20]);
        assert_eq!(list.selected(), Some(0));
        list.update(&[]);
        assert_eq!(list.selected(), None);
    }

    #[test]
    fn the_selected_row_is_shown() {
        for len in 0..30 {
            for height in 1..12 {
                for selected in 0..len {
                    let first = first_shown(selected, len, height);
                    assert!((first..first + height).contains(&selected));
                    assert!(first == 0 || first + height <= len);
                }
            }
        }
    }
}
