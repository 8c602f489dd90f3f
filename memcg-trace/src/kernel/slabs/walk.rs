//! A walk of all pages, some at a time.

use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use memcg_trace_common::slab::SlabKey;

use super::cache_contents::CacheContents;
use super::caches::Caches;
use super::inherited::{self, ChargedPages};
use super::owners::Owners;
use super::page::Slab;
use super::scan;
use super::tally::Tally;
use super::{aliases, vectors};
use crate::kernel::Subject;
use crate::kernel::debugger::folio::{FolioPlaces, Words, descriptors};
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::host::ram;
use crate::kernel::layout::pages::PageKind;
use crate::sample::Text;
use crate::sample::slab_inside::SlabInside;
use crate::sample::slab_walk::SlabWalk;

/// Bound on the rows and on the object cgroups, at which a walk ends.
const MAX_ROWS: usize = 1 << 20;
/// Charged on top of each object (mm/memcontrol.c: obj_full_size()).
const OWNER_BYTES: u32 = 8;

/// A walk in progress.
pub(in crate::kernel) struct Walk {
    /// Steps that are left.
    steps: ram::Steps,
    places: FolioPlaces,
    caches: Caches,
    owners: Owners,
    tally: Tally,
    /// Contents of dentry and inode caches, if they were asked for.
    inside: Option<CacheContents>,
    /// Pages outside slabs, by the object cgroup that they are charged to.
    pages: HashMap<u64, ChargedPages>,
    took: Duration,
    found: SlabWalk,
}

impl Walk {
    /// Starts at the first page.
    pub(in crate::kernel) fn begin(reader: &Reader<'_>, now_ns: u64) -> Result<Self, Unreadable> {
        let begin = Instant::now();
        if let Some(why) = reader.resolved.missing_for(Subject::Slab) {
            return Err(Unreadable::Absent(why.to_owned()));
        }
        let large_kmalloc = reader.resolved.pages.large_kmalloc_type;
        Ok(Self {
            steps: ram::steps().map_err(Unreadable::Absent)?,
            places: FolioPlaces::of(reader)?,
            caches: Caches::new(reader)?,
            owners: Owners::default(),
            tally: Tally::default(),
            inside: None,
            pages: HashMap::new(),
            took: begin.elapsed(),
            found: SlabWalk {
                begin_ns: now_ns,
                owner_bytes: OWNER_BYTES,
                large_kmalloc_pages: large_kmalloc.map(|_| 0),
                ..SlabWalk::default()
            },
        })
    }

    /// Includes the objects of dentry and inode caches, before the first step: whether they could
    /// be freed, and the contents of the cache `cache`.
    pub(in crate::kernel) fn look_inside(
        &mut self,
        reader: &Reader<'_>,
        cache: Option<&Text>,
    ) -> Result<(), Unreadable> {
        match CacheContents::new(reader, cache) {
            Ok(inside) => self.inside = Some(inside),
            // Only the objects that could be freed are then unknown.
            Err(Unreadable::Absent(_)) if cache.is_none() => {}
            Err(why) => return Err(why),
        }
        Ok(())
    }

    /// Reads the next pages, some tens of microseconds at a time in the kernel. Returns whether
    /// there are more.
    pub(in crate::kernel) fn step(&mut self, reader: &Reader<'_>) -> Result<bool, Unreadable> {
        let begin = Instant::now();
        let Some(pfns) = self.steps.next() else {
            return Ok(false);
        };
        match self.read_pages(reader, &pfns) {
            Ok(()) => self.found.visited_pages += pfns.end - pfns.start,
            Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => {}
            Err(why) => return Err(why),
        }
        self.took += begin.elapsed();
        if self.tally.len() >= MAX_ROWS || self.owners.len() >= MAX_ROWS {
            self.found.truncated_at = Some(self.found.visited_pages);
            return Ok(false);
        }
        Ok(true)
    }

    fn read_pages(&mut self, reader: &Reader<'_>, pfns: &Range<u64>) -> Result<(), Unreadable> {
        let find = |pages: &[Words]| scan::find(&self.places, reader, pfns.start, pages);
        let mut pages = descriptors(reader, self.caches.vmemmap(), pfns, find)?;
        if let Some(sum) = &mut self.found.large_kmalloc_pages {
            *sum += pages.large_kmalloc_pages;
        }
        for (objcg, kind, count) in pages.charged {
            let charged = self.pages.entry(objcg).or_default();
            match kind {
                PageKind::Kmem => charged.kernel += count,
                PageKind::Lru | PageKind::Hugetlb => charged.lru += count,
                PageKind::Slab => {}
            }
        }
        for slab in &pages.slabs {
            self.caches.read_new(reader, slab.cache)?;
        }
        self.found.visited_slabs += pages.slabs.len() as u64;
        pages
            .slabs
            .retain(|slab| self.caches.get(slab.cache).is_some());
        let caches = &self.caches;
        let owners = vectors::owners(reader, &pages.slabs, |slab| {
            let cache = caches.get(slab.cache);
            cache.map_or(0, |cache| u64::from(cache.size_bytes))
        })?;
        let now = scan::again(&self.places, self.caches.vmemmap(), reader, &pages.slabs)?;
        let mut unchanged = Vec::with_capacity(now.len());
        for ((slab, owners), now) in pages.slabs.iter().zip(owners).zip(now) {
            match (now.filter(|now| same(slab, now)), owners) {
                (Some(now), Some(owners)) => unchanged.push((now, owners)),
                _ => {
                    if let Some(cache) = self.caches.get_mut(slab.cache) {
                        cache.changed_slabs += 1;
                    }
                }
            }
        }
        let objcgs = unchanged.iter().flat_map(|(_, owners)| owners);
        self.owners
            .read_new(reader, objcgs.copied().filter(|objcg| *objcg != 0))?;
        for (slab, mut owners) in unchanged {
            let cached = self.caches.cached_of(&slab);
            let Some(cache) = self.caches.get_mut(slab.cache) else {
                continue;
            };
            if let Some(inside) = &mut self.inside {
                inside.look(reader, &slab, cache, &owners, cached, &self.owners)?;
            }
            owners.retain(|objcg| *objcg != 0);
            self.tally.add(&slab, cache, &owners, cached, &self.owners);
        }
        Ok(())
    }

    /// Returns the walk, and the contents of the named cache. `events` are objects charged and
    /// uncharged during the walk, where they were counted.
    pub(in crate::kernel) fn finish(
        mut self,
        reader: &Reader<'_>,
        now_ns: u64,
        events: Option<&HashMap<SlabKey, u64>>,
    ) -> Result<(SlabWalk, Option<SlabInside>), Unreadable> {
        let begin = Instant::now();
        self.owners.read_new(reader, self.pages.keys().copied())?;
        for (key, count) in events.into_iter().flatten() {
            self.owners.read_new(reader, std::iter::once(key.objcg))?;
            let owner = self.owners.get(key.objcg);
            self.tally.add_events(owner.memcg, key.cache, *count);
        }
        let moved = self.owners.moved(reader)?;
        self.tally.hand_over(&moved);
        let mut found = self.found;
        found.rows = self.tally.into_rows(events.is_some());
        found.caches = self
            .caches
            .into_known()
            .filter(|cache| cache.slabs > 0 || cache.changed_slabs > 0)
            .collect();
        found.caches.sort_unstable_by_key(|cache| cache.cache);
        let mut aliases = aliases::by_name();
        for cache in &mut found.caches {
            let others = aliases.remove(cache.name.as_bytes());
            cache.aliases = others.unwrap_or_default();
        }
        found.inherited = inherited::rows(reader, &self.owners, &self.pages, &found);
        let inside = self.inside;
        let mut inside = inside.and_then(|inside| inside.finish(reader, &moved));
        self.took += begin.elapsed();
        found.took_ns = u64::try_from(self.took.as_nanos()).unwrap_or(u64::MAX);
        found.end_ns = now_ns;
        if let Some(inside) = &mut inside {
            inside.begin_ns = found.begin_ns;
            inside.end_ns = now_ns;
            inside.took_ns = found.took_ns;
        }
        Ok((found, inside))
    }
}

/// Returns whether a slab is still the same one, whatever was allocated or freed in it.
fn same(before: &Slab, now: &Slab) -> bool {
    before.cache == now.cache && before.vector == now.vector && before.objects == now.objects
}
