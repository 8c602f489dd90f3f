//! Baselines of sums. Hooks are attached one after the other and count from then on; a sum and the
//! time that it covers must begin together.

use std::collections::HashMap;
use std::hash::Hash;

/// The values of sums when they were first read.
#[derive(Debug)]
pub(crate) struct Baseline<K, V> {
    rows: Option<HashMap<K, V>>,
}

impl<K, V> Default for Baseline<K, V> {
    fn default() -> Self {
        Self { rows: None }
    }
}

impl<K: Eq + Hash + Copy, V: Copy> Baseline<K, V> {
    /// Takes these rows as the baseline, unless there is one already.
    pub(crate) fn begin(&mut self, rows: &[(K, V)]) {
        self.rows
            .get_or_insert_with(|| rows.iter().copied().collect());
    }

    /// Forgets a row that is gone: if it comes back, it begins at zero.
    pub(crate) fn forget(&mut self, key: &K) {
        if let Some(rows) = &mut self.rows {
            rows.remove(key);
        }
    }

    /// The baseline of a row; `None` for a row that came later.
    pub(crate) fn of(&self, key: &K) -> Option<&V> {
        self.rows.as_ref()?.get(key)
    }
}
