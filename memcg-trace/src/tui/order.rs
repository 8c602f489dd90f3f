//! Filter and order of the rows of a table.

use super::columns::Column;
use super::filter::Wanted;
use super::keys::Action;

/// The column that a table is sorted by.
#[derive(Clone, Debug)]
pub(super) struct Order<T: 'static> {
    pub(super) columns: &'static [Column<T>],
    /// Index of the column.
    pub(super) sort: usize,
    /// Whether the order is reversed.
    pub(super) reverse: bool,
}

impl<T> Order<T> {
    /// The order by the column with this title.
    pub(super) fn by(title: &str, columns: &'static [Column<T>]) -> Self {
        let sort = columns.iter().position(|column| column.title() == title);
        debug_assert!(sort.is_some(), "no column {title}");
        Self {
            columns,
            sort: sort.unwrap_or(0),
            reverse: false,
        }
    }

    /// Titles and meanings of the columns.
    pub(super) fn meanings(&self) -> Vec<(&'static str, String)> {
        let columns = self.columns.iter();
        columns.map(|one| (one.title(), one.meaning())).collect()
    }

    /// Whether the rows are sorted by the first column and not reversed.
    pub(super) fn is_natural(&self) -> bool {
        self.sort == 0 && !self.reverse
    }

    /// Changes the order, if the action changes it; returns whether it did.
    pub(super) fn on(&mut self, action: Action) -> bool {
        match action {
            Action::Sort => {
                self.sort = (self.sort + 1) % self.columns.len();
                self.reverse = false;
            }
            Action::Reverse => self.reverse = !self.reverse,
            _ => return false,
        }
        true
    }

    /// Returns whether a row is within all bounds. One on a column that the table does not have
    /// admits none.
    pub(super) fn admits(&self, row: &T, wanted: &Wanted) -> bool {
        wanted.bounds.iter().all(|bound| {
            let mut columns = self.columns.iter();
            let column = columns.find(|column| bound.is_about(column.title()));
            column.is_some_and(|column| column.admits(row, bound))
        })
    }

    /// A row as one line of JSON.
    pub(super) fn json(&self, row: &T) -> Option<String> {
        Some(self.columns.first()?.json(row))
    }

    /// Indices of the items that are shown.
    pub(super) fn rows(
        &self,
        items: &[T],
        wanted: &Wanted,
        is_shown: impl Fn(&T) -> bool,
    ) -> Vec<usize> {
        let rows =
            (0..items.len()).filter(|at| is_shown(&items[*at]) && self.admits(&items[*at], wanted));
        let Some(column) = self.columns.get(self.sort) else {
            return rows.collect();
        };
        let is_descending = column.is_figure() != self.reverse;
        // A key is made once for each row: that takes longer than to compare it.
        let mut rows: Vec<_> = rows.map(|at| (column.order(&items[at]), at)).collect();
        rows.sort_by(|(a, _), (b, _)| match is_descending {
            true => b.compare(a),
            false => a.compare(b),
        });
        rows.into_iter().map(|(_, at)| at).collect()
    }
}
