//! The selected row of a table.

use super::keys::Action;

/// The selection, and the rows that it moves over.
#[derive(Clone, Debug, Default)]
pub(super) struct Cursor {
    /// The selected row.
    at: usize,
    /// Identity of the selected row, by which it is found again in the next snapshot.
    identity: Option<u64>,
    /// Identities of all rows, in their order.
    rows: Vec<u64>,
}

impl Cursor {
    /// The selected row, if there are any.
    pub(super) fn selected(&self) -> Option<usize> {
        (self.at < self.rows.len()).then_some(self.at)
    }

    /// Replaces the rows after a new snapshot or order. The selection stays on its row, except at
    /// the top, where it shows new rows as they arrive.
    pub(super) fn update(&mut self, rows: Vec<u64>) {
        self.rows = rows;
        let stays = self
            .identity
            .filter(|_| self.at > 0)
            .and_then(|wanted| self.rows.iter().position(|identity| *identity == wanted));
        self.select(stays.unwrap_or(self.at));
    }

    /// Moves the selection, if the action moves it, by rows or by pages of so many rows.
    pub(super) fn on(&mut self, action: Action, page: usize) {
        let to = match action {
            Action::Up => self.at.saturating_sub(1),
            Action::Down => self.at.saturating_add(1),
            Action::PageUp => self.at.saturating_sub(page),
            Action::PageDown => self.at.saturating_add(page),
            Action::First => 0,
            Action::Last => usize::MAX,
            _ => return,
        };
        self.select(to);
    }

    /// Selects the row at this line of a table that shows so many.
    pub(super) fn click(&mut self, line: usize, height: usize) {
        let at = first_shown(self.at, self.rows.len(), height) + line;
        if line < height && at < self.rows.len() {
            self.select(at);
        }
    }

    pub(super) fn select(&mut self, at: usize) {
        self.at = at.min(self.rows.len().saturating_sub(1));
        self.identity = self.rows.get(self.at).copied();
    }
}

/// The first row to be shown: the selected row is in the middle if it can be.
pub(super) fn first_shown(selected: usize, len: usize, height: usize) -> usize {
    selected
        .saturating_sub(height / 2)
        .min(len.saturating_sub(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selection_follows_its_row_except_at_the_top() {
        let mut cursor = Cursor::default();
        cursor.update(vec![10, 20, 30]);
        cursor.update(vec![30, 10, 20]);
        assert_eq!(cursor.selected(), Some(0));
        cursor.on(Action::Down, 1);
        cursor.update(vec![20, 30, 40, 10]);
        assert_eq!(cursor.selected(), Some(3));
        cursor.update(vec![20]);
        assert_eq!(cursor.selected(), Some(0));
        cursor.update(Vec::new());
        assert_eq!(cursor.selected(), None);
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
