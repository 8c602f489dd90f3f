//! Who holds slab memory: the last walk, with names.

use std::collections::HashMap;
use std::sync::Arc;

use super::snapshot::{self, Inherited, Memcg, Section, SlabCache, SlabHeld, Source};
use super::tree::Tree;
use crate::sample::slab_walk::SlabWalk;

/// The last walk.
#[derive(Debug)]
pub(super) struct SlabWalks {
    held: Arc<Section<SlabHeld>>,
    caches: Arc<Section<SlabCache>>,
    inherited: Arc<Section<Inherited>>,
    /// Objects, and bytes that were inherited, by memcg.
    sums: HashMap<u64, (u64, u64)>,
    /// The newest memcg when the walk was read; younger ones may not be in it.
    newest: u64,
}

impl SlabWalks {
    pub(super) fn new() -> Self {
        Self {
            held: Arc::new(Section::unread("slab_walk")),
            caches: Arc::new(Section::unread("slab_cache")),
            inherited: Arc::new(Section::unread("inherited")),
            sums: HashMap::new(),
            newest: 0,
        }
    }

    pub(super) fn held(&self) -> Arc<Section<SlabHeld>> {
        Arc::clone(&self.held)
    }

    pub(super) fn caches(&self) -> Arc<Section<SlabCache>> {
        Arc::clone(&self.caches)
    }

    pub(super) fn inherited(&self) -> Arc<Section<Inherited>> {
        Arc::clone(&self.inherited)
    }

    pub(super) fn mark_absent(&mut self, reason: &str) {
        if self.held.is_known() || self.held.reason.as_deref() != Some(reason) {
            self.held = Arc::new(Section::absent("slab_walk", reason));
            self.caches = Arc::new(Section::absent("slab_cache", reason));
            self.inherited = Arc::new(Section::absent("inherited", reason));
            self.sums.clear();
        }
    }

    /// Takes in a walk.
    pub(super) fn read(&mut self, walk: &SlabWalk, tree: &Tree, memcgs: &[Memcg]) {
        let serials = memcgs.iter().map(|memcg| memcg.id.serial_nr);
        self.newest = serials.max().unwrap_or(0);
        let name = |serial_nr: u64| match tree.id(serial_nr) {
            Some(id) => Arc::clone(id),
            // Made after the list of memcgs was, or gone since.
            None => Arc::new(snapshot::MemcgId {
                serial_nr,
                ..snapshot::MemcgId::default()
            }),
        };
        let caches = walk.caches.iter().map(|cache| SlabCache {
            name: Arc::new(cache.name.clone()),
            walked: Arc::new(cache.clone()),
        });
        let caches: Vec<_> = caches.collect();
        let by_key: HashMap<_, _> = caches
            .iter()
            .map(|cache| (cache.walked.cache, cache))
            .collect();
        self.sums.clear();
        let mut held = Vec::with_capacity(walk.rows.len());
        for row in &walk.rows {
            let Some(cache) = by_key.get(&row.cache) else {
                continue;
            };
            let size_bytes = cache.walked.size_bytes;
            let charge = u64::from(size_bytes) + u64::from(walk.owner_bytes);
            if let Some(serial_nr) = row.memcg_serial_nr {
                let sum = self.sums.entry(serial_nr).or_default();
                sum.0 = sum.0.saturating_add(row.share.objects);
            }
            held.push(SlabHeld {
                memcg: row.memcg_serial_nr.map(name),
                cache: Arc::clone(&cache.name),
                cache_key: row.cache,
                size_bytes,
                share: row.share,
                inherited_objects: row.inherited_objects,
                charged_bytes: row.share.objects.saturating_mul(charge),
            });
        }
        let inherited = walk.inherited.iter().map(|row| Inherited {
            memcg: name(row.memcg_serial_nr),
            objcgs: row.objcgs,
            slab_objects: row.slab_objects,
            slab_bytes: row.slab_bytes,
            kernel_pages: row.kernel_pages,
            lru_pages: row.lru_pages,
        });
        let inherited: Vec<_> = inherited.collect();
        for row in &inherited {
            let sum = self.sums.entry(row.memcg.serial_nr).or_default();
            sum.1 = sum.1.saturating_add(row.bytes());
        }
        self.held = section(walk, "slab_walk", held);
        self.caches = section(walk, "slab_cache", caches);
        self.inherited = section(walk, "inherited", inherited);
    }

    /// Writes what the walk said of memcgs to their rows; nothing where there was none.
    pub(super) fn fill(&self, memcgs: &mut [Memcg]) {
        if !self.held.is_known() || self.held.truncated_at.is_some() {
            return;
        }
        for memcg in memcgs {
            let serial_nr = memcg.id.serial_nr;
            if serial_nr > self.newest {
                continue;
            }
            let (objects, inherited) = self.sums.get(&serial_nr).copied().unwrap_or((0, 0));
            memcg.slab_objects = Some(objects);
            memcg.inherited_bytes = Some(inherited);
        }
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
