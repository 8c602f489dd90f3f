//! Slab objects: from counters of object cgroups to rows of memcgs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::rate::per_sec;
use super::snapshot::{self, Section, Source};
use super::tree::Tree;
use crate::sample::{BookedSlab, Cache, Slab, SlabBefore, SlabCount, Text};

/// The most counters that are followed. The key of each is the addresses of an object cgroup and a
/// cache. The kernel reuses both, so only a host with a million at a time reaches this.
const MAX_COUNTERS: usize = 1 << 20;

/// A memcg and a cache. The memcg is `None` where it could not be read or is not known.
pub(super) type Key = (Option<u64>, u64);

#[derive(Debug)]
struct Row {
    key: Key,
    alloc_total: u64,
    free_total: u64,
    /// Objects charged in the last interval.
    allocs: u64,
    frees: u64,
}

/// Objects charged and uncharged, by memcg and cache, since the start of the run.
///
/// The kernel side counts per object cgroup, since an object keeps that for life. A reparenting
/// changes its memcg: later counts are booked to the new memcg, and booked ones stay. A released
/// memcg takes its rows and their totals with it.
#[derive(Debug)]
pub(super) struct SlabRates {
    counters: HashMap<(u64, u64), SlabCount>,
    caches: HashMap<u64, (Arc<Text>, u32)>,
    rows: Vec<Row>,
    index: HashMap<Key, usize>,
    /// Objects charged and uncharged in the last interval, by memcg.
    sums: HashMap<u64, (u64, u64)>,
    interval_ns: Option<u64>,
    /// The tree's generation when rows of released memcgs were last dropped.
    generation: u64,
    truncated: bool,
    section: Arc<Section<snapshot::Slab>>,
}

impl SlabRates {
    pub(super) fn new() -> Self {
        Self {
            counters: HashMap::new(),
            caches: HashMap::new(),
            rows: Vec::new(),
            index: HashMap::new(),
            sums: HashMap::new(),
            interval_ns: None,
            generation: 0,
            truncated: false,
            section: Arc::new(Section::unread("slab")),
        }
    }

    pub(super) fn section(&self) -> Arc<Section<snapshot::Slab>> {
        Arc::clone(&self.section)
    }

    pub(super) fn mark_absent(&mut self, reason: &str) {
        if self.section.is_known() || self.section.reason.as_deref() != Some(reason) {
            self.section = Arc::new(Section::absent("slab", reason));
        }
    }

    /// Returns objects charged and uncharged a second by a memcg; `None` where that is not known.
    pub(super) fn rates_of(&self, serial_nr: u64) -> Option<(f64, f64)> {
        let interval_ns = self.interval_ns.filter(|_| self.section.is_known());
        let (allocs, frees) = self.sums.get(&serial_nr).copied().unwrap_or_default();
        per_sec(allocs, interval_ns).zip(per_sec(frees, interval_ns))
    }

    /// Returns objects charged and uncharged since the start; 0 for unknown keys.
    pub(super) fn totals(&self, key: Key) -> (u64, u64) {
        let row = self.index.get(&key).and_then(|at| self.rows.get(*at));
        row.map_or((0, 0), |row| (row.alloc_total, row.free_total))
    }

    /// Returns the keys of all counters.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        self.rows.iter().map(|row| row.key)
    }

    /// Returns the object cgroups of some memcgs, as of the last reading.
    pub(super) fn objcgs_of(&self, memcgs: &HashSet<u64>) -> HashMap<u64, Vec<u64>> {
        let mut objcgs: HashMap<u64, Vec<u64>> = HashMap::new();
        let mut seen = HashSet::new();
        for count in self.counters.values() {
            let memcg = count.memcg_serial_nr.filter(|memcg| memcgs.contains(memcg));
            if let Some(memcg) = memcg
                && seen.insert(count.objcg)
            {
                objcgs.entry(memcg).or_default().push(count.objcg);
            }
        }
        objcgs
    }

    /// Returns objects that were charged to some object cgroups since the start and not uncharged,
    /// and their bytes; `None` where a counter or a size is missing.
    pub(super) fn held(&self, objcgs: &HashSet<u64>) -> HashMap<u64, (Option<u64>, Option<u64>)> {
        let mut held: HashMap<u64, (Option<u64>, Option<u64>)> = HashMap::new();
        if objcgs.is_empty() {
            return held;
        }
        let all = self.counters.values();
        for count in all.filter(|count| objcgs.contains(&count.objcg)) {
            let sum = held.entry(count.objcg).or_insert((Some(0), Some(0)));
            let objects = count.alloc_total.checked_sub(count.free_total);
            let objects = objects.filter(|_| !self.truncated);
            let size = self
                .caches
                .get(&count.cache)
                .map(|(_, size)| u64::from(*size));
            let add = |sum: Option<u64>, more: Option<u64>| sum?.checked_add(more?);
            sum.0 = add(sum.0, objects);
            let bytes = objects.zip(size);
            sum.1 = add(
                sum.1,
                bytes.and_then(|(objects, size)| objects.checked_mul(size)),
            );
        }
        held
    }

    /// Sets the new owners of some object cgroups.
    pub(super) fn hand_over(&mut self, owners: &HashMap<u64, u64>) {
        if owners.is_empty() {
            return;
        }
        for count in self.counters.values_mut() {
            if let Some(owner) = owners.get(&count.objcg) {
                count.memcg_serial_nr = Some(*owner);
            }
        }
    }

    /// Returns all that was counted so far, of memcgs that the tree has.
    pub(super) fn so_far(&self, tree: &Tree) -> SlabBefore {
        let is_there =
            |serial_nr: Option<u64>| serial_nr.is_none_or(|serial_nr| tree.id(serial_nr).is_some());
        let counts = self.counters.values();
        let counts = counts.filter(|count| is_there(count.memcg_serial_nr));
        let rows = self.rows.iter().filter(|row| is_there(row.key.0));
        SlabBefore {
            counts: counts.cloned().collect(),
            booked: rows
                .map(|row| BookedSlab {
                    memcg_serial_nr: row.key.0,
                    cache: row.key.1,
                    alloc_total: row.alloc_total,
                    free_total: row.free_total,
                })
                .collect(),
        }
    }

    /// Continues from what was counted before a recording began.
    fn begin_after(&mut self, before: &SlabBefore, tree: &Tree) {
        let counts = before.counts.iter().take(MAX_COUNTERS);
        self.counters = counts
            .map(|count| ((count.objcg, count.cache), count.clone()))
            .collect();
        self.rows.clear();
        self.index.clear();
        for booked in before.booked.iter().take(MAX_COUNTERS) {
            let memcg = booked.memcg_serial_nr;
            let row = self.row((
                memcg.filter(|serial_nr| tree.id(*serial_nr).is_some()),
                booked.cache,
            ));
            row.alloc_total = booked.alloc_total;
            row.free_total = booked.free_total;
        }
        self.truncated = before.counts.len().max(before.booked.len()) > MAX_COUNTERS;
    }

    /// Takes in the counters that moved.
    pub(super) fn read(&mut self, slab: &Slab, tree: &Tree) {
        if let (Some(before), None) = (&slab.before, self.section.as_of_ns) {
            self.begin_after(before, tree);
        }
        self.interval_ns = self
            .section
            .as_of_ns
            .and_then(|before| slab.as_of_ns.checked_sub(before))
            .filter(|interval_ns| *interval_ns > 0);
        for Cache {
            cache,
            name,
            size_bytes,
            ..
        } in &slab.caches
        {
            self.caches
                .insert(*cache, (Arc::new(name.clone()), *size_bytes));
        }
        for row in &mut self.rows {
            (row.allocs, row.frees) = (0, 0);
        }
        self.sums.clear();
        for count in &slab.counts {
            self.book(count, tree);
        }
        self.drop_released(tree);
        self.section = Arc::new(Section {
            name: "slab",
            source: Source::Event,
            as_of_ns: Some(slab.as_of_ns),
            took_ns: Some(slab.took_ns),
            visited: Some(slab.counts.len() as u64),
            truncated_at: self.truncated.then_some(MAX_COUNTERS as u64),
            reason: None,
            items: self.items(tree),
        });
    }

    /// Takes in the tree of a sample without counters.
    pub(super) fn on_tree_change(&mut self, tree: &Tree) {
        if self.section.is_known() && self.drop_released(tree) {
            let items = self.items(tree);
            self.section = Arc::new(self.section.with_items(items));
        }
    }

    /// Adds the growth of a counter to the row of its current memcg.
    fn book(&mut self, count: &SlabCount, tree: &Tree) {
        let counter = (count.objcg, count.cache);
        if self.counters.len() >= MAX_COUNTERS && !self.counters.contains_key(&counter) {
            self.truncated = true;
            return;
        }
        let before = self.counters.insert(counter, count.clone());
        let went_up = before.and_then(|before| {
            Some((
                count.alloc_total.checked_sub(before.alloc_total)?,
                count.free_total.checked_sub(before.free_total)?,
            ))
        });
        // A counter that is new, or less than before, because the kernel's map dropped it and made
        // it anew, started at 0.
        let (allocs, frees) = went_up.unwrap_or((count.alloc_total, count.free_total));
        if allocs == 0 && frees == 0 {
            return;
        }
        let memcg = count
            .memcg_serial_nr
            .filter(|serial_nr| tree.id(*serial_nr).is_some());
        let key = (memcg, count.cache);
        let row = self.row(key);
        row.alloc_total = row.alloc_total.saturating_add(allocs);
        row.free_total = row.free_total.saturating_add(frees);
        row.allocs = row.allocs.saturating_add(allocs);
        row.frees = row.frees.saturating_add(frees);
        if let Some(serial_nr) = memcg {
            let sums = self.sums.entry(serial_nr).or_default();
            sums.0 = sums.0.saturating_add(allocs);
            sums.1 = sums.1.saturating_add(frees);
        }
    }

    /// Returns the row with this key, which it makes if there is none.
    fn row(&mut self, key: Key) -> &mut Row {
        let at = *self.index.entry(key).or_insert_with(|| {
            self.rows.push(Row {
                key,
                alloc_total: 0,
                free_total: 0,
                allocs: 0,
                frees: 0,
            });
            self.rows.len() - 1
        });
        &mut self.rows[at]
    }

    /// Drops the rows of memcgs that the tree no longer has. Returns whether anything may differ.
    fn drop_released(&mut self, tree: &Tree) -> bool {
        if self.generation == tree.generation() {
            return false;
        }
        self.generation = tree.generation();
        let before = self.rows.len();
        self.rows.retain(|row| {
            row.key
                .0
                .is_none_or(|serial_nr| tree.id(serial_nr).is_some())
        });
        if self.rows.len() != before {
            self.index = self
                .rows
                .iter()
                .enumerate()
                .map(|(at, row)| (row.key, at))
                .collect();
        }
        true
    }

    fn items(&self, tree: &Tree) -> Vec<snapshot::Slab> {
        self.rows
            .iter()
            .map(|row| {
                let (memcg, cache) = row.key;
                let named = self.caches.get(&cache);
                snapshot::Slab {
                    memcg: memcg
                        .and_then(|serial_nr| tree.id(serial_nr))
                        .map(Arc::clone),
                    cache: named.map_or_else(
                        || Arc::new(Text::from(&*format!("{cache:#x}"))),
                        |(name, _)| Arc::clone(name),
                    ),
                    cache_key: cache,
                    size_bytes: named.map(|(_, size_bytes)| *size_bytes),
                    held: None,
                    alloc_total: Some(row.alloc_total),
                    free_total: Some(row.free_total),
                    alloc_per_sec: per_sec(row.allocs, self.interval_ns),
                    free_per_sec: per_sec(row.frees, self.interval_ns),
                }
            })
            .collect()
    }
}
