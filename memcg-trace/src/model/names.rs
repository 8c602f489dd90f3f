//! Which memcg a row speaks of, also after that memcg is gone.

use std::collections::HashMap;
use std::sync::Arc;

use super::snapshot::MemcgId;
use super::tree::Tree;
use crate::sample::{GONE_SERIAL_NR, Text};

/// Names of the memcgs that counters of the kernel refer to.
///
/// Such counters outlive the memcg; their sums would not add up if they were dropped with it,
/// and say nothing if they lost its name. Bounded by the number of rows in a sample.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashMap<u64, Arc<MemcgId>>,
    before: HashMap<u64, Arc<MemcgId>>,
}

impl Names {
    /// Starts a new list: what it does not ask for is forgotten with the next one.
    pub(super) fn turn(&mut self) {
        self.before = std::mem::take(&mut self.known);
    }

    /// The name of a memcg; one with nothing but its serial number if it was never seen.
    pub(super) fn of(&mut self, serial_nr: u64, tree: &Tree) -> Arc<MemcgId> {
        if let Some(id) = self.known.get(&serial_nr) {
            return Arc::clone(id);
        }
        let id = match (tree.id(serial_nr), self.before.get(&serial_nr)) {
            (Some(id), _) | (None, Some(id)) => Arc::clone(id),
            (None, None) if serial_nr == GONE_SERIAL_NR => Arc::new(MemcgId {
                path: Text::from("(removed)"),
                ..MemcgId::default()
            }),
            (None, None) => Arc::new(MemcgId {
                serial_nr,
                ..MemcgId::default()
            }),
        };
        self.known.insert(serial_nr, Arc::clone(&id));
        id
    }
}
