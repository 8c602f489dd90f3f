//! Owners of slab memory: the last walk of all slabs, kept current by the events since.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::slab::{Key, SlabRates};
use super::snapshot::{self, Held, Inherited, Memcg, Section, SlabCache, Source};
use super::tree::Tree;
use crate::sample::slab_walk::SlabWalk;

/// The objects that the last walk found for a memcg and a cache.
#[derive(Clone, Copy, Debug)]
struct Base {
    /// The number of objects when the counters had `allocs` and `frees`.
    objects: u64,
    allocs: u64,
    frees: u64,
    /// As of the walk.
    held: Held,
}

impl Base {
    /// Returns the number of objects at these totals of charged and uncharged ones.
    fn now(&self, (allocs, frees): (u64, u64)) -> u64 {
        let came = allocs.saturating_sub(self.allocs);
        let went = frees.saturating_sub(self.frees);
        self.objects.saturating_add(came).saturating_sub(went)
    }

    /// Returns the base moved to later totals.
    fn at(&self, totals: (u64, u64)) -> Self {
        let objects = self.now(totals);
        Self {
            objects,
            allocs: totals.0,
            frees: totals.1,
            held: Held {
                objects,
                drift_objects: Some(0),
                ..self.held
            },
        }
    }
}

/// Memcgs that went offline whose heirs are remembered: those that a walk may have passed.
const MAX_HEIRS: usize = 4096;

/// The last walk.
#[derive(Debug)]
pub(super) struct SlabHoldings {
    base: BTreeMap<Key, Base>,
    caches: Arc<Section<SlabCache>>,
    /// Indices of the caches in their section, by key.
    by_key: HashMap<u64, usize>,
    inherited: Arc<Section<Inherited>>,
    /// Bytes that were inherited, by memcg.
    inherited_bytes: HashMap<u64, u64>,
    /// The newest memcg when the walk was read; younger ones may not be in it.
    newest: u64,
    owner_bytes: u32,
    large_kmalloc_pages: Option<u64>,
    /// Whether events were counted during the walk.
    is_counted: bool,
    /// Memcgs that went offline, each with its heir, in that order.
    heirs: VecDeque<(u64, u64)>,
}

impl SlabHoldings {
    pub(super) fn new() -> Self {
        Self {
            base: BTreeMap::new(),
            caches: Arc::new(Section::unread("slab_walk")),
            by_key: HashMap::new(),
            inherited: Arc::new(Section::unread("inherited")),
            inherited_bytes: HashMap::new(),
            newest: 0,
            owner_bytes: 0,
            large_kmalloc_pages: None,
            is_counted: false,
            heirs: VecDeque::new(),
        }
    }

    pub(super) fn caches(&self) -> Arc<Section<SlabCache>> {
        Arc::clone(&self.caches)
    }

    pub(super) fn large_kmalloc_pages(&self) -> Option<u64> {
        self.large_kmalloc_pages
    }

    pub(super) fn inherited(&self) -> Arc<Section<Inherited>> {
        Arc::clone(&self.inherited)
    }

    fn cache(&self, key: u64) -> Option<&SlabCache> {
        self.caches.items.get(*self.by_key.get(&key)?)
    }

    /// Returns whether the walk was complete.
    fn is_whole(&self) -> bool {
        self.caches.is_known() && self.caches.truncated_at.is_none()
    }

    pub(super) fn mark_absent(&mut self, reason: &str) {
        if self.caches.is_known() || self.caches.reason.as_deref() != Some(reason) {
            self.caches = Arc::new(Section::absent("slab_walk", reason));
            self.inherited = Arc::new(Section::absent("inherited", reason));
            self.by_key.clear();
            self.inherited_bytes.clear();
            self.base.clear();
            self.large_kmalloc_pages = None;
        }
    }

    /// Takes in a walk, after the counters that came with it.
    pub(super) fn read(
        &mut self,
        walk: &SlabWalk,
        counted: &SlabRates,
        tree: &Tree,
        memcgs: &[Memcg],
    ) {
        let serials = memcgs.iter().map(|memcg| memcg.id.serial_nr);
        self.newest = serials.max().unwrap_or(0);
        self.owner_bytes = walk.owner_bytes;
        self.large_kmalloc_pages = walk.large_kmalloc_pages;
        self.read_rows(walk, counted);
        // The walk may have seen objects of a memcg that has died since: they are its heir's.
        for (dead, heir) in self.heirs.clone() {
            self.hand_over(dead, heir, counted);
        }
        let caches = walk.caches.iter().map(|cache| SlabCache {
            name: Arc::new(cache.name.clone()),
            walked: Arc::new(cache.clone()),
        });
        let caches: Vec<_> = caches.collect();
        let keys = caches.iter().map(|cache| cache.walked.cache);
        self.by_key = keys.zip(0..).collect();
        let inherited = walk.inherited.iter().map(|row| Inherited {
            memcg: name(tree, row.memcg_serial_nr),
            objcgs: row.objcgs,
            slab_objects: row.slab_objects,
            slab_bytes: row.slab_bytes,
            kernel_pages: row.kernel_pages,
            lru_pages: row.lru_pages,
        });
        let inherited: Vec<_> = inherited.collect();
        self.inherited_bytes.clear();
        for row in &inherited {
            let sum = self.inherited_bytes.entry(row.memcg.serial_nr).or_default();
            *sum = sum.saturating_add(row.bytes());
        }
        self.caches = section(walk, "slab_walk", caches);
        self.inherited = section(walk, "inherited", inherited);
    }

    fn read_rows(&mut self, walk: &SlabWalk, counted: &SlabRates) {
        let before = std::mem::take(&mut self.base);
        let was_whole = self.is_whole();
        self.is_counted = walk.rows.iter().all(|row| row.uncertain_objects.is_some());
        let nothing = self.nothing((0, 0));
        // The error of the number of objects that was computed from events.
        let drift = |key: Key, objects: u64| {
            let base = before.get(&key);
            let base = base.or_else(|| was_whole.then_some(&nothing))?;
            let drift = i128::from(objects) - i128::from(base.now(counted.totals(key)));
            let most = if drift < 0 { i64::MIN } else { i64::MAX };
            self.is_counted
                .then(|| i64::try_from(drift).unwrap_or(most))
        };
        // Objects that were expected and that the walk did not find are gone.
        let gone = before
            .keys()
            .filter(|key| drift(**key, 0).is_some_and(|drift| drift != 0));
        let mut base: BTreeMap<Key, Base> = (counted.keys())
            .chain(gone.copied())
            .map(|key| {
                let totals = counted.totals(key);
                // Events have counted a key that is new since the last walk from its first object
                // on. This walk may have passed before that object was made.
                if was_whole && !before.contains_key(&key) && nothing.now(totals) > 0 {
                    return (key, nothing.at(totals));
                }
                let mut base = self.nothing(totals);
                base.held.drift_objects = drift(key, 0);
                (key, base)
            })
            .collect();
        for row in &walk.rows {
            let key = (row.memcg_serial_nr, row.cache);
            let (allocs, frees) = counted.totals(key);
            let objects = row.share.objects;
            let found = Base {
                objects,
                allocs,
                frees,
                held: Held {
                    objects,
                    uncertain_objects: row.uncertain_objects,
                    drift_objects: drift(key, objects),
                    share: row.share,
                    inherited_objects: row.inherited_objects,
                    owner_bytes: walk.owner_bytes,
                },
            };
            base.insert(key, found);
        }
        self.base = base;
    }

    /// Returns the base of a key without objects, at these totals.
    fn nothing(&self, (allocs, frees): (u64, u64)) -> Base {
        Base {
            objects: 0,
            allocs,
            frees,
            held: Held {
                uncertain_objects: self.is_counted.then_some(0),
                owner_bytes: self.owner_bytes,
                ..Held::default()
            },
        }
    }

    /// Gives the objects of a memcg that went offline to an ancestor, also those that a walk found
    /// before and reports after this.
    pub(super) fn inherits(&mut self, dead: u64, heir: u64, counted: &SlabRates) {
        self.hand_over(dead, heir, counted);
        if self.heirs.len() >= MAX_HEIRS {
            self.heirs.pop_front();
        }
        self.heirs.push_back((dead, heir));
    }

    fn hand_over(&mut self, from: u64, to: u64, counted: &SlabRates) {
        let of_dead: Vec<Key> = (self.base)
            .range((Some(from), 0)..=(Some(from), u64::MAX))
            .map(|(key, _)| *key)
            .collect();
        for key in of_dead {
            let Some(dead) = self.base.remove(&key) else {
                continue;
            };
            let objects = dead.now(counted.totals(key));
            let heir = (Some(to), key.1);
            let nothing = self.nothing(counted.totals(heir));
            let base = self.base.entry(heir).or_insert(nothing);
            base.objects = base.objects.saturating_add(objects);
            let uncertain = base.held.uncertain_objects.zip(dead.held.uncertain_objects);
            base.held.uncertain_objects = uncertain.map(|(a, b)| a.saturating_add(b));
            let (share, more) = (&mut base.held.share, &dead.held.share);
            for (sum, more) in [
                (&mut share.objects, more.objects),
                (&mut share.share_bytes, more.share_bytes),
                // Both may touch the same pages, so this is an upper bound.
                (&mut share.touched_pages, more.touched_pages),
                (&mut share.owned_pages, more.owned_pages),
                (&mut base.held.inherited_objects, objects),
            ] {
                *sum = sum.saturating_add(more);
            }
        }
    }

    /// Joins the rows of events with the walk's holdings, and adds the rows that only the walk has.
    pub(super) fn join(
        &self,
        counted: &Arc<Section<snapshot::Slab>>,
        tree: &Tree,
    ) -> Arc<Section<snapshot::Slab>> {
        if !self.caches.is_known() {
            return Arc::clone(counted);
        }
        let is_counted = counted.is_known();
        let mut left = self.base.clone();
        let mut items = counted.items.clone();
        for row in &mut items {
            let serial_nr = row.memcg.as_ref().map(|memcg| memcg.serial_nr);
            let base = left.remove(&(serial_nr, row.cache_key));
            // A new key has been counted from its first object on.
            let base = base.or_else(|| self.is_whole().then(|| self.nothing((0, 0))));
            if let Some(cache) = self.cache(row.cache_key) {
                row.size_bytes = Some(cache.walked.size_bytes);
            }
            let totals = row.alloc_total.zip(row.free_total).unwrap_or((0, 0));
            row.held = base.map(|base| Held {
                objects: base.now(totals),
                ..base.held
            });
        }
        for ((serial_nr, cache_key), base) in left {
            let Some(cache) = self.cache(cache_key) else {
                continue;
            };
            items.push(snapshot::Slab {
                // A memcg that is gone, or younger than the list of memcgs, has no name.
                memcg: serial_nr
                    .and_then(|serial_nr| tree.id(serial_nr))
                    .map(Arc::clone),
                cache: Arc::clone(&cache.name),
                cache_key,
                size_bytes: Some(cache.walked.size_bytes),
                held: Some(Held {
                    objects: base.objects,
                    ..base.held
                }),
                alloc_total: is_counted.then_some(0),
                free_total: is_counted.then_some(0),
                alloc_per_sec: is_counted.then_some(0.0),
                free_per_sec: is_counted.then_some(0.0),
            });
        }
        if is_counted {
            return Arc::new(counted.with_items(items));
        }
        Arc::new(Section {
            name: counted.name,
            items,
            reason: None,
            source: self.caches.source,
            as_of_ns: self.caches.as_of_ns,
            took_ns: self.caches.took_ns,
            visited: self.caches.visited,
            truncated_at: self.caches.truncated_at,
        })
    }

    /// Fills the walk's figures into the rows of memcgs; does nothing without a complete walk.
    pub(super) fn fill(&self, memcgs: &mut [Memcg], slab: &Section<snapshot::Slab>) {
        if !self.is_whole() {
            return;
        }
        let nothing = (0, self.is_counted.then_some(0));
        let mut sums: HashMap<u64, (u64, Option<u64>)> = HashMap::new();
        for row in &slab.items {
            if let (Some(memcg), Some(held)) = (&row.memcg, &row.held) {
                let (objects, uncertain) = sums.entry(memcg.serial_nr).or_insert(nothing);
                *objects = objects.saturating_add(held.objects);
                let both = uncertain.zip(held.uncertain_objects);
                *uncertain = both.map(|(a, b)| a.saturating_add(b));
            }
        }
        for memcg in memcgs {
            let serial_nr = memcg.id.serial_nr;
            if serial_nr > self.newest {
                continue;
            }
            let (objects, uncertain) = sums.get(&serial_nr).copied().unwrap_or(nothing);
            memcg.slab_objects = Some(objects);
            memcg.slab_uncertain_objects = uncertain;
            let inherited = self.inherited_bytes.get(&serial_nr);
            memcg.inherited_bytes = Some(inherited.copied().unwrap_or(0));
        }
    }
}

pub(super) fn name(tree: &Tree, serial_nr: u64) -> Arc<snapshot::MemcgId> {
    match tree.id(serial_nr) {
        Some(id) => Arc::clone(id),
        // The memcg is gone, or younger than the list of memcgs.
        None => Arc::new(snapshot::MemcgId {
            serial_nr,
            ..snapshot::MemcgId::default()
        }),
    }
}

fn section<T>(walk: &SlabWalk, name: &'static str, items: Vec<T>) -> Arc<Section<T>> {
    Arc::new(Section {
        name,
        source: Source::Walk,
        as_of_ns: Some(walk.end_ns),
        took_ns: Some(walk.took_ns),
        visited: Some(walk.visited_pages),
        truncated_at: walk.truncated_at,
        reason: None,
        items,
    })
}
