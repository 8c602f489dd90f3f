//! All pages of the host, one after the other: charged pages on no list (unevictable folios, the
//! kernel's own pages, hugetlbfs), and slabs of sockets.

use crate::kernel::host::symbols::Symbol;
use std::collections::HashMap;
use std::ops::Range;

use zerocopy::IntoBytes as _;

use super::folios::Folios;
use super::kernel_pages::KernelPages;
use super::ledger::Ledger;
use super::namespaces::Namespaces;
use super::slabs::SocketSlabs;
use crate::kernel::debugger::folio::{DESCRIPTOR_BYTES, Folio, FolioPlaces, Words, descriptors};
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::open_files::Open;
use crate::kernel::debugger::page_owner::Owners;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::tasks::Thread;
use crate::kernel::host::ram;
use crate::kernel::layout::pages::{DATA_KMEM, DATA_OBJEXTS, PageKind};
use crate::sample::pins::PinKind;

/// Kinds of references that only this scan finds.
pub(super) const KINDS: [PinKind; 4] = [
    PinKind::PageKmem,
    PinKind::PageHugetlb,
    PinKind::SocketInet,
    PinKind::SocketOther,
];

/// The pages of one zombie.
#[derive(Default)]
struct Charged {
    folios: Folios,
}

pub(super) fn count(
    reader: &Reader<'_>,
    threads: &[Thread],
    open: &Open,
    namespaces: &Namespaces,
    ledger: &mut Ledger,
) -> Result<(), Unreadable> {
    let vmemmap = reader.word_at(reader.symbol(Symbol::VmemmapBase)?)?;
    let mut scan = PageScan {
        reader,
        vmemmap,
        places: FolioPlaces::of(reader)?,
        owners: Owners::default(),
        zombies: HashMap::new(),
        found: ledger.zombies.iter().map(|_| Charged::default()).collect(),
        slabs: SocketSlabs::new(reader)?,
        kernel_pages: KernelPages::default(),
    };
    for pfns in ram::steps().map_err(Unreadable::Absent)? {
        match scan.at(&pfns, ledger) {
            Ok(()) => ledger.visited.pages += pfns.end - pfns.start,
            Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => {}
            Err(why) => return Err(why),
        }
    }
    for (zombie, found) in ledger.zombies.iter_mut().zip(scan.found) {
        // The zombie's lists were counted before; this count includes them and is complete.
        zombie.folios = found.folios;
        zombie.off_lists = None;
    }
    ledger.search(&[PinKind::PageKmem], |ledger| {
        (scan.kernel_pages).describe(reader, threads, open, ledger)
    });
    scan.slabs.count(reader, open, namespaces, ledger)
}

/// The scan, some hundred pages at a time.
struct PageScan<'a, 'm> {
    reader: &'a Reader<'m>,
    /// Address of the array of all page descriptors.
    vmemmap: u64,
    places: FolioPlaces,
    owners: Owners,
    /// The zombie that an owner word stands for, if any.
    zombies: HashMap<u64, Option<usize>>,
    found: Vec<Charged>,
    slabs: SocketSlabs,
    kernel_pages: KernelPages,
}

/// Findings in some pages.
#[derive(Default)]
struct Seen {
    /// Folios with owner words that stand for a zombie, or are new.
    charged: Vec<(u64, Folio)>,
    slabs: Vec<(u64, u64, u64)>,
    /// The last owner word, and whether it is known to stand for no zombie.
    last: (u64, bool),
}

impl Seen {
    /// Adds a page in use, the first of `pages`. Not inlined, since the few instructions of the
    /// calling loop are most of the scan's work.
    #[inline(never)]
    fn take(&mut self, scan: &PageScan<'_, '_>, pfn: u64, pages: &[Words], is_slab: bool) {
        let Some(page) = pages.first() else { return };
        if scan.places.is_tail(page) {
            return;
        }
        let both = pages.get(..2).unwrap_or(pages);
        let page_at = scan.vmemmap + pfn * DESCRIPTOR_BYTES as u64;
        let folio = scan.places.folio(page_at, both.as_bytes());
        if is_slab {
            let cache = scan.slabs.cache_of(page.as_bytes());
            self.slabs.push((pfn, cache, folio.pages));
            return;
        }
        // Neighbours often have the same owner.
        if self.last.0 != folio.data {
            let is_of_none = scan.zombies.get(&folio.data) == Some(&None);
            self.last = (folio.data, is_of_none);
        }
        let is_of_no_zombie = self.last.1;
        if !is_of_no_zombie {
            self.charged.push((folio.data, folio));
        }
    }
}

impl PageScan<'_, '_> {
    /// Scans some pages by their descriptors. While these are in view nothing else can be read, so
    /// the owners are looked up afterwards.
    fn at(&mut self, pfns: &Range<u64>, ledger: &Ledger) -> Result<(), Unreadable> {
        let see = |pages: &[Words]| self.see(pfns.start, pages);
        let seen = descriptors(self.reader, self.vmemmap, pfns, see)?;
        for (owner, folio) in seen.charged {
            let zombie = match self.zombies.get(&owner) {
                Some(zombie) => *zombie,
                None => {
                    let zombie = self.look_up(owner, ledger);
                    self.zombies.insert(owner, zombie);
                    zombie
                }
            };
            if let Some(zombie) = zombie {
                let marks = &self.reader.resolved.pages;
                match marks.kind(folio.flags, folio.page_type, folio.data) {
                    PageKind::Kmem => self.kernel_pages.add(folio.page, zombie, folio.pages),
                    kind => self.found[zombie].add(kind, folio),
                }
            }
        }
        for (pfn, cache, pages) in seen.slabs {
            self.slabs.see(pfn, cache, pages);
        }
        Ok(())
    }

    /// Most pages are free, or charged to no memcg: those must cost little.
    fn see(&self, pfn: u64, pages: &[Words]) -> Seen {
        // Copies, so that they are not read anew for each page.
        let (marks, places) = (self.reader.resolved.pages, self.places);
        let mut some = Seen::default();
        for (at, page) in pages.iter().enumerate() {
            let (flags, page_type, data) = places.words(page);
            let is_slab = marks.is_slab(flags, page_type);
            if data != 0 || is_slab {
                some.take(self, pfn + at as u64, &pages[at..], is_slab);
            }
        }
        some
    }

    /// The zombie that an owner word stands for, if any.
    fn look_up(&mut self, data: u64, ledger: &Ledger) -> Option<usize> {
        let marks = &self.reader.resolved.pages;
        // The reference of a kernel page belongs to its object cgroup, which was given to the
        // parent: no pin.
        if !marks.kmem_is_typed && data & (DATA_KMEM | DATA_OBJEXTS) != 0 {
            return None;
        }
        let memcg = self.owners.memcg(self.reader, data).ok()?;
        ledger.position(memcg)
    }
}

impl Charged {
    fn add(&mut self, kind: PageKind, folio: Folio) {
        match kind {
            PageKind::Lru => self.folios.add(folio),
            PageKind::Hugetlb => self.folios.add_huge(folio),
            PageKind::Kmem | PageKind::Slab => {}
        }
    }
}
