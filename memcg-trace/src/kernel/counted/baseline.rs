//! Sums since the first time that they were read: the programs count from when they are attached,
//! one after the other, and a sum and the time that it is about have to begin together.

use std::collections::HashMap;
use std::hash::Hash;

/// What sums were when they were first read.
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
    /// Takes these rows as where sums begin, unless there are some already.
    pub(crate) fn begin(&mut self, rows: &[(K, V)]) {
        self.rows
            .get_or_insert_with(|| rows.iter().copied().collect());
    }

    /// A row is gone: if it comes back, it begins anew.
    pub(crate) fn forget(&mut self, key: &K) {
        if let Some(rows) = &mut self.rows {
            rows.remove(key);
        }
    }

    /// What a row was then; `None` of one that came later.
    pub(crate) fn of(&self, key: &K) -> Option<&V> {
        self.rows.as_ref()?.get(key)
    }
}
