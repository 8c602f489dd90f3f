//! Waits for locks: those that go on, and the sums of those that ended.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::names::Names;
use super::snapshot::{Evidence, LockMemcg, LockStats, LockWait, Section, Source};
use super::tree::Tree;
use crate::sample::{self, LockCount, Resource};

/// What is known about waits. A sample has all of them, so nothing is carried over but names.
#[derive(Debug)]
pub(super) struct Locks {
    names: Names,
    waits: Arc<Section<LockWait>>,
    stats: Arc<Section<LockStats>>,
}

impl Locks {
    pub(super) fn new() -> Self {
        Self {
            names: Names::default(),
            waits: Arc::new(Section::unread("lock")),
            stats: Arc::new(Section::unread("lock")),
        }
    }

    pub(super) fn waits(&self) -> Arc<Section<LockWait>> {
        Arc::clone(&self.waits)
    }

    pub(super) fn stats(&self) -> Arc<Section<LockStats>> {
        Arc::clone(&self.stats)
    }

    pub(super) fn mark_absent(&mut self, reason: &str) {
        if self.waits.is_known() || self.waits.reason.as_deref() != Some(reason) {
            self.waits = Arc::new(Section::absent("lock", reason));
            self.stats = Arc::new(Section::absent("lock", reason));
        }
    }

    /// Takes in the waits of a sample.
    pub(super) fn read(&mut self, locks: &sample::Locks, tree: &Tree) {
        self.names.turn();
        let mut waits: Vec<LockWait> = locks
            .waits
            .iter()
            .map(|wait| self.wait(wait, locks.as_of_ns, tree))
            .collect();
        waits.sort_by_key(|wait| (wait.since_ns, wait.task.tid));
        self.waits = Arc::new(section(locks.as_of_ns, waits));
        let stats = self.sum(&locks.counts, tree);
        self.stats = Arc::new(section(locks.as_of_ns, stats));
    }

    fn wait(&mut self, wait: &sample::LockWait, as_of_ns: u64, tree: &Tree) -> LockWait {
        LockWait {
            task: wait.task.clone(),
            memcg: wait
                .task
                .memcg_serial_nr
                .map(|serial_nr| self.names.of(serial_nr, tree)),
            resource: wait.resource.clone(),
            mode: wait.mode,
            since_ns: wait.since_ns,
            waited_ns: as_of_ns.saturating_sub(wait.since_ns),
            evidence: Evidence::Traced,
            owner: wait.owner.clone(),
        }
    }

    /// One row a lock, with the memcgs of its waiters.
    fn sum(&mut self, counts: &[LockCount], tree: &Tree) -> Vec<LockStats> {
        let mut by_lock: BTreeMap<&Resource, Vec<LockMemcg>> = BTreeMap::new();
        for count in counts {
            by_lock.entry(&count.resource).or_default().push(LockMemcg {
                memcg: count
                    .memcg_serial_nr
                    .map(|serial_nr| self.names.of(serial_nr, tree)),
                waits_total: count.waits_total,
                wait_ns_total: count.wait_ns_total,
                max_ns: count.max_ns,
                unmeasured_total: count.unmeasured_total,
            });
        }
        let mut stats: Vec<LockStats> = by_lock
            .into_iter()
            .map(|(resource, memcgs)| LockStats::of(resource.clone(), memcgs))
            .collect();
        stats.sort_by_key(|lock| Reverse((lock.wait_ns_total, lock.waits_total)));
        stats
    }
}

impl LockStats {
    /// The sum over the memcgs of the waiters.
    pub(super) fn of(resource: Resource, mut memcgs: Vec<LockMemcg>) -> Self {
        memcgs.sort_by_key(|memcg| Reverse((memcg.wait_ns_total, memcg.waits_total)));
        let sum =
            |figure: fn(&LockMemcg) -> u64| memcgs.iter().map(figure).fold(0, u64::saturating_add);
        Self {
            resource,
            waits_total: sum(|memcg| memcg.waits_total),
            wait_ns_total: sum(|memcg| memcg.wait_ns_total),
            max_ns: memcgs.iter().map(|memcg| memcg.max_ns).max().unwrap_or(0),
            unmeasured_total: sum(|memcg| memcg.unmeasured_total),
            memcgs,
        }
    }
}

fn section<T>(as_of_ns: u64, items: Vec<T>) -> Section<T> {
    Section {
        name: "lock",
        source: Source::Event,
        as_of_ns: Some(as_of_ns),
        took_ns: None,
        visited: Some(items.len() as u64),
        truncated_at: None,
        reason: None,
        items,
    }
}
