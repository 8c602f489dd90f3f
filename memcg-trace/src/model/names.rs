//! Names of memcgs in rows of counters, also after the memcg is gone.

use std::collections::HashMap;
use std::sync::Arc;

use super::snapshot::MemcgId;
use super::tree::Tree;
use crate::sample::{GONE_SERIAL_NR, Text};

/// Names of the memcgs that counters of the kernel name.
///
/// Such counters outlive the memcg. Without them sums would not add up, and without the name they
/// would mean nothing. Bounded by the number of rows in a sample.
#[derive(Debug, Default)]
pub(super) struct MemcgNames {
    known: HashMap<u64, Arc<MemcgId>>,
    before: HashMap<u64, Arc<MemcgId>>,
}

impl MemcgNames {
    /// Starts a new list. Names that are not used in it are forgotten when the next one starts.
    pub(super) fn start_list(&mut self) {
        self.before = std::mem::take(&mut self.known);
    }

    /// Returns the id of a memcg; one with only the serial number if it was never seen.
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
