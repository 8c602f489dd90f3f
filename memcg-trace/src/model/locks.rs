//! Waits for locks: those in progress, and the sums of those that ended.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::names::MemcgNames;
use super::snapshot::{
    LockHeld, LockHolder, LockMemcg, LockStats, LockWait, Release, Section, Source,
};
use super::tree::Tree;
use crate::sample::{self, Resource, percentile};

/// The state of waits. A sample has all of them, so only names carry over.
#[derive(Debug)]
pub(super) struct Locks {
    names: MemcgNames,
    waits: Arc<Section<LockWait>>,
    stats: Arc<Section<LockStats>>,
}

impl Locks {
    pub(super) fn new() -> Self {
        Self {
            names: MemcgNames::default(),
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
        self.names.start_list();
        let mut waits: Vec<LockWait> = locks
            .waits
            .iter()
            .map(|wait| self.wait(wait, locks.as_of_ns, tree))
            .collect();
        waits.sort_by_key(|wait| (wait.facts.since_ns, wait.facts.task.tid));
        self.waits = Arc::new(section(locks.as_of_ns, waits));
        let stats = self.sum(locks, tree);
        self.stats = Arc::new(section(locks.as_of_ns, stats));
    }

    fn wait(&mut self, wait: &sample::LockWait, as_of_ns: u64, tree: &Tree) -> LockWait {
        let serial_nr = wait.task.memcg_serial_nr;
        LockWait {
            memcg: serial_nr.map(|serial_nr| self.names.of(serial_nr, tree)),
            facts: wait.clone(),
            waited_ns: as_of_ns.saturating_sub(wait.since_ns),
        }
    }

    /// Returns a row for each lock, with the memcgs of its waiters.
    fn sum(&mut self, locks: &sample::Locks, tree: &Tree) -> Vec<LockStats> {
        let mut by_lock: BTreeMap<&Resource, Vec<LockMemcg>> = BTreeMap::new();
        for count in &locks.counts {
            let memcgs = by_lock.entry(&count.resource).or_default();
            // The counters list some locks without waits.
            if count.waits_total == 0 {
                continue;
            }
            memcgs.push(LockMemcg {
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
        for lock in &mut stats {
            self.detail(lock, locks, tree);
        }
        stats.sort_by_key(|lock| Reverse((lock.wait_ns_total, lock.waits_total)));
        stats
    }

    /// Adds percentiles, releases and holds to the sums of a lock.
    fn detail(&mut self, lock: &mut LockStats, locks: &sample::Locks, tree: &Tree) {
        let addr = lock.resource.addr;
        if addr == 0 {
            // Address 0 stands for several locks.
            return;
        }
        if let Some(times) = locks.times.iter().find(|one| one.addr == addr) {
            lock.p50_ns = percentile(&times.classes, 50, lock.max_ns);
            lock.p99_ns = percentile(&times.classes, 99, lock.max_ns);
            lock.classes.clone_from(&times.classes);
        }
        lock.releases = locks.releases.as_ref().map(|releases| {
            let of_lock = releases.iter().filter(|one| one.addr == addr);
            let mut of_lock: Vec<Release> = of_lock
                .map(|one| Release {
                    stack: one.stack.clone(),
                    seen_total: one.seen_total,
                })
                .collect();
            of_lock.sort_by_key(|one| Reverse(one.seen_total));
            of_lock
        });
        for hold in locks.holds.iter().filter(|one| one.addr == addr) {
            let holders = hold.holders.iter().map(|holder| LockHolder {
                task: holder.task.clone(),
                memcg: holder
                    .task
                    .memcg_serial_nr
                    .map(|serial_nr| self.names.of(serial_nr, tree)),
                since_ns: holder.since_ns,
                stack: holder.stack.clone(),
                unconfirmed: holder.unconfirmed,
            });
            lock.held.push(LockHeld {
                mode: hold.mode,
                holds_total: hold.holds_total,
                hold_ns_total: hold.hold_ns_total,
                p50_ns: percentile(&hold.classes, 50, hold.max_ns),
                p99_ns: percentile(&hold.classes, 99, hold.max_ns),
                max_ns: hold.max_ns,
                holders: holders.collect(),
            });
        }
    }
}

impl LockStats {
    /// Sums up the memcgs of the waiters.
    pub(super) fn of(resource: Resource, mut memcgs: Vec<LockMemcg>) -> Self {
        memcgs.sort_by_key(|memcg| Reverse((memcg.wait_ns_total, memcg.waits_total)));
        let sum =
            |figure: fn(&LockMemcg) -> u64| memcgs.iter().map(figure).fold(0, u64::saturating_add);
        Self {
            resource,
            waits_total: sum(|memcg| memcg.waits_total),
            wait_ns_total: sum(|memcg| memcg.wait_ns_total),
            p50_ns: None,
            p99_ns: None,
            classes: Vec::new(),
            max_ns: memcgs.iter().map(|memcg| memcg.max_ns).max().unwrap_or(0),
            unmeasured_total: sum(|memcg| memcg.unmeasured_total),
            memcgs,
            releases: None,
            held: Vec::new(),
        }
    }

    /// Returns the lock with only the waits of some memcgs. Their single durations are not known,
    /// so there are no percentiles.
    pub(super) fn of_some(&self, memcgs: Vec<LockMemcg>) -> Self {
        Self {
            releases: self.releases.clone(),
            held: self.held.clone(),
            ..Self::of(self.resource.clone(), memcgs)
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
