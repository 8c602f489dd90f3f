//! Slab memory by owner: every slab page of the host, object by object.
//!
//! Pages are read in the order of their numbers, some at a time: first their descriptors, then the
//! owners of the objects in slabs, then the descriptors again, since a slab may have been freed
//! meanwhile. Nothing is held between two steps, so a walk can be interrupted for any time.

mod aliases;
mod caches;
mod inherited;
mod inside;
mod objects;
mod owners;
mod page;
mod tally;
mod vectors;

use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use memcg_trace_common::slab::SlabKey;
use zerocopy::{FromBytes as _, IntoBytes as _, transmute_ref};

use crate::kernel::Subject;
use crate::kernel::debugger::folio::{DESCRIPTOR_BYTES, FolioPlaces, Words, descriptors};
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::host::ram;
use crate::kernel::layout::pages::{DATA_FLAGS, PageKind};
use crate::sample::Text;
use crate::sample::slab_inside::SlabInside;
use crate::sample::slab_walk::SlabWalk;
use caches::Caches;
use inside::Inside;
use owners::Owners;
use page::{Slab, slab};
use tally::Tally;

/// Bound on the rows and on the object cgroups, at which a walk ends.
const MOST: usize = 1 << 20;
/// Charged on top of each object (mm/memcontrol.c: obj_full_size()).
const OWNER_BYTES: u32 = 8;

/// A walk in progress.
pub(super) struct Walk {
    /// Steps that are left.
    steps: ram::Steps,
    places: FolioPlaces,
    caches: Caches,
    owners: Owners,
    tally: Tally,
    /// Contents of dentry and inode caches, if they were asked for.
    inside: Option<Inside>,
    /// Pages outside slabs, by the object cgroup that they are charged to.
    pages: HashMap<u64, Pages>,
    took: Duration,
    found: SlabWalk,
}

/// Pages of one object cgroup.
#[derive(Clone, Copy, Debug, Default)]
struct Pages {
    kernel: u64,
    lru: u64,
}

/// Findings in some pages.
#[derive(Default)]
struct Seen {
    slabs: Vec<Slab>,
    /// Object cgroup, kind and number of pages that are charged to it.
    charged: Vec<(u64, PageKind, u64)>,
    large_kmalloc_pages: u64,
}

impl Walk {
    /// Starts at the first page.
    pub(super) fn begin(reader: &Reader<'_>, now_ns: u64) -> Result<Self, Unreadable> {
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
    pub(super) fn look_inside(
        &mut self,
        reader: &Reader<'_>,
        cache: Option<&Text>,
    ) -> Result<(), Unreadable> {
        match Inside::new(reader, cache) {
            Ok(inside) => self.inside = Some(inside),
            // Only the objects that could be freed are then unknown.
            Err(Unreadable::Absent(_)) if cache.is_none() => {}
            Err(why) => return Err(why),
        }
        Ok(())
    }

    /// Reads the next pages, some tens of microseconds at a time in the kernel. Returns whether
    /// there are more.
    pub(super) fn step(&mut self, reader: &Reader<'_>) -> Result<bool, Unreadable> {
        let begin = Instant::now();
        let Some(pfns) = self.steps.next() else {
            return Ok(false);
        };
        match self.look(reader, &pfns) {
            Ok(()) => self.found.visited_pages += pfns.end - pfns.start,
            Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => {}
            Err(why) => return Err(why),
        }
        self.took += begin.elapsed();
        if self.tally.len() >= MOST || self.owners.len() >= MOST {
            self.found.truncated_at = Some(self.found.visited_pages);
            return Ok(false);
        }
        Ok(true)
    }

    fn look(&mut self, reader: &Reader<'_>, pfns: &Range<u64>) -> Result<(), Unreadable> {
        let see = |pages: &[Words]| self.see(reader, pfns.start, pages);
        let mut seen = descriptors(reader, self.caches.vmemmap(), pfns, see)?;
        if let Some(pages) = &mut self.found.large_kmalloc_pages {
            *pages += seen.large_kmalloc_pages;
        }
        for (objcg, kind, count) in seen.charged {
            let pages = self.pages.entry(objcg).or_default();
            match kind {
                PageKind::Kmem => pages.kernel += count,
                PageKind::Lru | PageKind::Hugetlb => pages.lru += count,
                PageKind::Slab => {}
            }
        }
        for slab in &seen.slabs {
            self.caches.meet(reader, slab.cache)?;
        }
        self.found.visited_slabs += seen.slabs.len() as u64;
        seen.slabs
            .retain(|slab| self.caches.get(slab.cache).is_some());
        let caches = &self.caches;
        let owners = vectors::owners(reader, &seen.slabs, |slab| {
            let cache = caches.get(slab.cache);
            cache.map_or(0, |cache| u64::from(cache.size_bytes))
        })?;
        let now = self.again(reader, &seen.slabs)?;
        let mut unchanged = Vec::with_capacity(now.len());
        for ((slab, owners), now) in seen.slabs.iter().zip(owners).zip(now) {
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
            .meet(reader, objcgs.copied().filter(|objcg| *objcg != 0))?;
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

    /// Most pages are free, or of no interest: those must cost little.
    fn see(&self, reader: &Reader<'_>, pfn: u64, pages: &[Words]) -> Seen {
        let (marks, layout) = (&reader.resolved.pages, &reader.resolved.layout);
        let mut seen = Seen::default();
        for (at, words) in pages.iter().enumerate() {
            let (flags, page_type, data) = self.places.words(words);
            let is_slab = marks.is_slab(flags, page_type);
            let is_large_kmalloc = marks.large_kmalloc_type == Some(page_type >> 24);
            let is_of_interest = data != 0 || is_slab || is_large_kmalloc;
            if !is_of_interest || self.places.is_tail(words) {
                continue;
            }
            let both = &pages[at..pages.len().min(at + 2)];
            let count = || self.places.pages(both.as_bytes());
            if is_large_kmalloc {
                seen.large_kmalloc_pages += count();
            }
            if is_slab {
                let pfn = pfn + at as u64;
                seen.slabs
                    .push(slab(layout, transmute_ref!(words), pfn, count()));
                continue;
            }
            let kind = marks.kind(flags, page_type, data);
            // The owner of other pages is a memcg, which stays the same when the memcg dies.
            let is_objcg = match kind {
                PageKind::Kmem => !marks.kmem_is_typed,
                PageKind::Lru | PageKind::Hugetlb => marks.owner_is_objcg,
                PageKind::Slab => false,
            };
            if is_objcg && data != 0 {
                let (objcg, count) = (data & !DATA_FLAGS, count());
                // Neighbours often have the same owner.
                match seen.charged.last_mut() {
                    Some(last) if last.0 == objcg && last.1 == kind => last.2 += count,
                    _ => seen.charged.push((objcg, kind, count)),
                }
            }
        }
        seen
    }

    /// The slabs as they are now; `None` for one that was freed.
    fn again(&self, reader: &Reader<'_>, slabs: &[Slab]) -> Result<Vec<Option<Slab>>, Unreadable> {
        let (marks, layout) = (&reader.resolved.pages, &reader.resolved.layout);
        let first = self.caches.vmemmap();
        let addresses: Vec<_> = slabs
            .iter()
            .map(|slab| first + slab.pfn * DESCRIPTOR_BYTES as u64)
            .collect();
        let mut now = Vec::with_capacity(slabs.len());
        let mut at = slabs.iter();
        reader.memory.each(&addresses, DESCRIPTOR_BYTES, |bytes| {
            let words = bytes.and_then(|bytes| Words::read_from_bytes(bytes).ok());
            now.push(words.zip(at.next()).and_then(|(words, before)| {
                let (flags, page_type, _) = self.places.words(&words);
                let is_slab = marks.is_slab(flags, page_type);
                is_slab.then(|| slab(layout, transmute_ref!(&words), before.pfn, before.pages))
            }));
        })?;
        Ok(now)
    }

    /// Returns the walk, and the contents of the named cache. `events` are objects charged and
    /// uncharged during the walk, where they were counted.
    pub(super) fn finish(
        mut self,
        reader: &Reader<'_>,
        now_ns: u64,
        events: Option<&HashMap<SlabKey, u64>>,
    ) -> Result<(SlabWalk, Option<SlabInside>), Unreadable> {
        let begin = Instant::now();
        self.owners.meet(reader, self.pages.keys().copied())?;
        for (key, count) in events.into_iter().flatten() {
            self.owners.meet(reader, std::iter::once(key.objcg))?;
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
