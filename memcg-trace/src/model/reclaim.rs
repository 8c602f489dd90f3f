//! Reclaim: the kernel's sums, with names, rates, usage and limits.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::names::MemcgNames;
use super::rate::per_sec;
use super::recent::Recent;
use super::snapshot::reclaim::Pressure;
use super::snapshot::{self, Section, Source};
use super::tree::Tree;
use crate::sample::reclaim::{Cause, Reclaim, ReclaimCount, Stall, StalledTask};

/// A memcg, a cause and a limit.
type Key = (Option<u64>, Cause, Option<u64>);

/// The number of tasks that a row names.
const WORST_TASKS: usize = 3;

/// The state of reclaim. A sample has all sums since the start, so nothing is added up.
#[derive(Debug)]
pub(super) struct Reclaims {
    before: HashMap<Key, (Recent, Recent)>,
    names: MemcgNames,
    section: Arc<Section<snapshot::Reclaim>>,
}

impl Reclaims {
    pub(super) fn new() -> Self {
        Self {
            before: HashMap::new(),
            names: MemcgNames::default(),
            section: Arc::new(Section::unread("reclaim")),
        }
    }

    pub(super) fn section(&self) -> Arc<Section<snapshot::Reclaim>> {
        Arc::clone(&self.section)
    }

    pub(super) fn mark_absent(&mut self, reason: &str) {
        if self.section.is_known() || self.section.reason.as_deref() != Some(reason) {
            self.section = Arc::new(Section::absent("reclaim", reason));
        }
    }

    /// Takes in the sums of a sample. `memcgs` are those of the last walk.
    pub(super) fn read(&mut self, reclaim: &Reclaim, memcgs: &[snapshot::Memcg], tree: &Tree) {
        let interval_ns = self
            .section
            .as_of_ns
            .and_then(|before| reclaim.as_of_ns.checked_sub(before))
            .filter(|interval_ns| *interval_ns > 0);
        self.names.start_list();
        let mut before = std::mem::take(&mut self.before);
        let by_serial_nr: HashMap<u64, &snapshot::Memcg> = memcgs
            .iter()
            .map(|memcg| (memcg.id.serial_nr, memcg))
            .collect();
        let pressure: HashMap<u64, Pressure> = reclaim
            .pressure
            .iter()
            .map(|one| {
                let pressure = Pressure {
                    some_ns_total: one.some_ns_total,
                    full_ns_total: one.full_ns_total,
                };
                (one.memcg_serial_nr, pressure)
            })
            .collect();
        let mut items = Vec::with_capacity(reclaim.counts.len());
        for count in reclaim.counts.iter().chain(&only_now(reclaim)) {
            let key = (count.memcg_serial_nr, count.cause, count.limit_serial_nr);
            let (mut stalls, mut scans) = before.remove(&key).unwrap_or_default();
            let is_new = interval_ns.is_some();
            let stalled_ns = stalls.push(count.stall_ns_total, is_new);
            let scanned = scans.push(count.scanned_pages_total, is_new);
            let serial_nr = count.memcg_serial_nr;
            let memcg = serial_nr.and_then(|serial_nr| by_serial_nr.get(&serial_nr));
            items.push(snapshot::Reclaim {
                memcg: self.name(serial_nr, tree),
                limited_by: self.name(count.limit_serial_nr, tree),
                count: count.clone(),
                counts_pages: reclaim.counts_pages,
                counts_throttles: reclaim.counts_throttles,
                stall_ns_per_sec: per_sec(stalled_ns, interval_ns),
                scanned_pages_per_sec: per_sec(scanned, interval_ns),
                recent_stall_ns: stalls.steps(),
                worst_tasks: worst_tasks(count, &reclaim.tasks),
                stalls: stalls_of(key, reclaim).cloned().collect(),
                usage_bytes: memcg.and_then(|memcg| memcg.facts.usage_bytes),
                high_bytes: memcg.and_then(|memcg| memcg.facts.high_bytes),
                max_bytes: memcg.and_then(|memcg| memcg.facts.max_bytes),
                pressure: serial_nr.and_then(|serial_nr| pressure.get(&serial_nr).copied()),
            });
            self.before.insert(key, (stalls, scans));
        }
        self.section = Arc::new(Section {
            name: "reclaim",
            source: Source::Event,
            as_of_ns: Some(reclaim.as_of_ns),
            took_ns: None,
            visited: Some(items.len() as u64),
            truncated_at: None,
            reason: None,
            items,
        });
    }

    fn name(&mut self, serial_nr: Option<u64>, tree: &Tree) -> Option<Arc<snapshot::MemcgId>> {
        serial_nr.map(|serial_nr| self.names.of(serial_nr, tree))
    }
}

fn stalls_of(key: Key, reclaim: &Reclaim) -> impl Iterator<Item = &Stall> {
    let of =
        move |stall: &&Stall| (stall.memcg_serial_nr, stall.cause, stall.limit_serial_nr) == key;
    reclaim.stalls.iter().filter(of)
}

/// Returns rows for waits in progress of memcgs and causes without an ended wait.
fn only_now(reclaim: &Reclaim) -> Vec<ReclaimCount> {
    let key = |count: &ReclaimCount| (count.memcg_serial_nr, count.cause, count.limit_serial_nr);
    let mut known: HashSet<Key> = reclaim.counts.iter().map(key).collect();
    let stalls = reclaim.stalls.iter();
    let rows = stalls.map(|stall| ReclaimCount {
        memcg_serial_nr: stall.memcg_serial_nr,
        cause: stall.cause,
        limit_serial_nr: stall.limit_serial_nr,
        ..ReclaimCount::default()
    });
    rows.filter(|row| known.insert(key(row))).collect()
}

/// Returns the tasks of a row's memcg that waited longest; the sample has the longest sums first.
fn worst_tasks(count: &ReclaimCount, tasks: &[StalledTask]) -> Vec<StalledTask> {
    if count.stalls_total == 0 {
        return Vec::new();
    }
    tasks
        .iter()
        .filter(|task| task.memcg_serial_nr == count.memcg_serial_nr)
        .take(WORST_TASKS)
        .cloned()
        .collect()
}
