//! Shrinkers: the kernel's sums, with names and rates.

use std::collections::HashMap;
use std::sync::Arc;

use super::names::MemcgNames;
use super::rate::per_sec;
use super::recent::Recent;
use super::snapshot::{self, Section, Source};
use super::tree::Tree;
use crate::sample::Shrinker;
use crate::sample::reclaim::Cause;

/// A shrinker, a memcg, a node and a cause.
type Key = (u64, Option<u64>, u32, Cause);

/// The runs of shrinkers. A sample has all sums since the start, so nothing is added up here. Rows
/// of released memcgs stay as long as the kernel side keeps them, so the sums are complete.
#[derive(Debug)]
pub(super) struct Shrinkers {
    /// Objects scanned, as of the last sample.
    scanned: HashMap<Key, Recent>,
    names: MemcgNames,
    section: Arc<Section<snapshot::Shrinker>>,
}

impl Shrinkers {
    pub(super) fn new() -> Self {
        Self {
            scanned: HashMap::new(),
            names: MemcgNames::default(),
            section: Arc::new(Section::unread("shrinker")),
        }
    }

    pub(super) fn section(&self) -> Arc<Section<snapshot::Shrinker>> {
        Arc::clone(&self.section)
    }

    pub(super) fn mark_absent(&mut self, reason: &str) {
        if self.section.is_known() || self.section.reason.as_deref() != Some(reason) {
            self.section = Arc::new(Section::absent("shrinker", reason));
        }
    }

    /// Takes in the sums of a sample.
    pub(super) fn read(&mut self, rows: &[Shrinker], mono_ns: u64, tree: &Tree) {
        let interval_ns = self
            .section
            .as_of_ns
            .and_then(|before| mono_ns.checked_sub(before))
            .filter(|interval_ns| *interval_ns > 0);
        self.names.start_list();
        let mut before = std::mem::take(&mut self.scanned);
        let items = rows
            .iter()
            .map(|row| {
                let key = (row.shrinker, row.memcg_serial_nr, row.node, row.cause);
                let mut recent = before.remove(&key).unwrap_or_default();
                let scanned = recent.push(row.scanned_objects_total, interval_ns.is_some());
                let recent_scanned = recent.steps();
                self.scanned.insert(key, recent);
                snapshot::Shrinker {
                    memcg: row
                        .memcg_serial_nr
                        .map(|serial_nr| self.names.of(serial_nr, tree)),
                    shrinker: row
                        .name
                        .clone()
                        .unwrap_or_else(|| format!("{:#x}", row.shrinker)),
                    count: row.clone(),
                    scanned_per_sec: per_sec(scanned, interval_ns),
                    recent_scanned,
                }
            })
            .collect();
        self.section = Arc::new(Section {
            name: "shrinker",
            source: Source::Event,
            as_of_ns: Some(mono_ns),
            took_ns: None,
            visited: Some(rows.len() as u64),
            truncated_at: None,
            reason: None,
            items,
        });
    }
}
