//! Page descriptors: which pages are slabs, and which are charged to an object cgroup.

use zerocopy::{FromBytes as _, IntoBytes as _, transmute_ref};

use super::page::{Slab, slab};
use crate::kernel::debugger::folio::{DESCRIPTOR_BYTES, FolioPlaces, Words};
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::layout::pages::{DATA_FLAGS, PageKind};

/// Findings in some pages.
#[derive(Default)]
pub(super) struct Found {
    pub(super) slabs: Vec<Slab>,
    /// Object cgroup, kind and number of pages that are charged to it.
    pub(super) charged: Vec<(u64, PageKind, u64)>,
    pub(super) large_kmalloc_pages: u64,
}

/// Most pages are free, or of no interest: those must cost little.
pub(super) fn find(places: &FolioPlaces, reader: &Reader<'_>, pfn: u64, pages: &[Words]) -> Found {
    let (marks, layout) = (&reader.resolved.pages, &reader.resolved.layout);
    let mut found = Found::default();
    for (at, words) in pages.iter().enumerate() {
        let (flags, page_type, data) = places.words(words);
        let is_slab = marks.is_slab(flags, page_type);
        let is_large_kmalloc = marks.large_kmalloc_type == Some(page_type >> 24);
        let is_of_interest = data != 0 || is_slab || is_large_kmalloc;
        if !is_of_interest || places.is_tail(words) {
            continue;
        }
        let both = &pages[at..pages.len().min(at + 2)];
        let count = || places.pages(both.as_bytes());
        if is_large_kmalloc {
            found.large_kmalloc_pages += count();
        }
        if is_slab {
            let pfn = pfn + at as u64;
            found
                .slabs
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
            match found.charged.last_mut() {
                Some(last) if last.0 == objcg && last.1 == kind => last.2 += count,
                _ => found.charged.push((objcg, kind, count)),
            }
        }
    }
    found
}

/// The slabs as they are now; `None` for one that was freed.
pub(super) fn again(
    places: &FolioPlaces,
    vmemmap: u64,
    reader: &Reader<'_>,
    slabs: &[Slab],
) -> Result<Vec<Option<Slab>>, Unreadable> {
    let (marks, layout) = (&reader.resolved.pages, &reader.resolved.layout);
    let addresses: Vec<_> = slabs
        .iter()
        .map(|slab| vmemmap + slab.pfn * DESCRIPTOR_BYTES as u64)
        .collect();
    let mut now = Vec::with_capacity(slabs.len());
    let mut at = slabs.iter();
    reader.memory.each(&addresses, DESCRIPTOR_BYTES, |bytes| {
        let words = bytes.and_then(|bytes| Words::read_from_bytes(bytes).ok());
        now.push(words.zip(at.next()).and_then(|(words, before)| {
            let (flags, page_type, _) = places.words(&words);
            let is_slab = marks.is_slab(flags, page_type);
            is_slab.then(|| slab(layout, transmute_ref!(&words), before.pfn, before.pages))
        }));
    })?;
    Ok(now)
}
