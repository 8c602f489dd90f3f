//! All pages of the host, one after the other: what is charged and on no list (unevictable
//! folios, the kernel's own pages, hugetlbfs), and the slabs that sockets are in.

use std::collections::HashMap;

use super::Found;
use super::ledger::Ledger;
use super::lists::{Folios, Owners};
use super::namespaces::Namespaces;
use super::open_files::Open;
use super::slabs::SocketSlabs;
use crate::kernel::folio::{Folio, FolioPlaces, PAGE_BYTES};
use crate::kernel::layout::fields::Field;
use crate::kernel::layout::pages::{DATA_KMEM, DATA_OBJEXTS, PageKind, Pages};
use crate::kernel::memory::Unreadable;
use crate::kernel::ram;
use crate::kernel::reader::Reader;
use crate::sample::pins::{Object, PinKind};

/// What is found here and nowhere else.
pub(super) const KINDS: [PinKind; 4] = [
    PinKind::PageKmem,
    PinKind::PageHugetlb,
    PinKind::SocketInet,
    PinKind::SocketOther,
];

/// Pages that are read at once: 64 KiB of their descriptors.
const AT_ONCE: u64 = 1024;
/// A page that is not the first of its folio: bit 0 of the word that leads to the first.
const TAIL: u64 = 1;

/// What one zombie has of them.
#[derive(Default)]
struct Charged {
    folios: Folios,
    kmem: (u64, u64),
    hugetlb: (u64, u64),
}

pub(super) fn count(
    reader: &Reader<'_>,
    open: &Open,
    namespaces: &Namespaces,
    ledger: &mut Ledger,
) -> Found {
    let vmemmap = reader.word_at(reader.symbol("vmemmap_base")?)?;
    let ranges = ram::ranges().map_err(Unreadable::Absent)?;
    let mut look = Look {
        reader,
        places: FolioPlaces::of(reader)?,
        head: usize::try_from(reader.offset(Field::PageHead)?).unwrap_or(0),
        owners: Owners::default(),
        zombies: HashMap::new(),
        found: ledger.zombies.iter().map(|_| Charged::default()).collect(),
        slabs: SocketSlabs::new(reader)?,
    };
    for range in ranges {
        let mut pfn = range.start;
        while pfn < range.end {
            // Aligned, so that the second page of a folio, which says how many it has, is there.
            let pages = (AT_ONCE - pfn % AT_ONCE).min(range.end - pfn);
            match look.at(vmemmap, pfn, pages, ledger) {
                Ok(()) => ledger.visited.pages += pages,
                // The array of descriptors has holes where memory has.
                Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => {}
                Err(why) => return Err(why),
            }
            pfn += pages;
        }
    }
    for (zombie, found) in ledger.zombies.iter_mut().zip(look.found) {
        // These were counted one by one as well, and they are all.
        zombie.folios = found.folios;
        zombie.off_lists = None;
        for (kind, (refs, pages)) in [
            (PinKind::PageKmem, found.kmem),
            (PinKind::PageHugetlb, found.hugetlb),
        ] {
            if refs > 0 {
                zombie.add(
                    kind,
                    Object {
                        refs,
                        pages: Some(pages),
                        ..Object::default()
                    },
                );
            }
        }
    }
    look.slabs.count(reader, open, namespaces, ledger)
}

/// The look itself, some hundred pages at a time.
struct Look<'a, 'm> {
    reader: &'a Reader<'m>,
    places: FolioPlaces,
    head: usize,
    owners: Owners,
    /// Which zombie an owner word stands for, if any.
    zombies: HashMap<u64, Option<usize>>,
    found: Vec<Charged>,
    slabs: SocketSlabs,
}

/// What is found of some pages.
#[derive(Default)]
struct Seen {
    /// Owner words that are met for the first time.
    strangers: Vec<u64>,
    charged: Vec<(usize, Folio)>,
    slabs: Vec<(u64, u64, u64)>,
}

impl Look<'_, '_> {
    /// Looks at some pages by their descriptors. While these are in view nothing else can be
    /// read, so owners that are met for the first time are looked up after, and the pages again.
    fn at(&mut self, vmemmap: u64, pfn: u64, pages: u64, ledger: &Ledger) -> Found {
        let address = vmemmap + pfn * PAGE_BYTES as u64;
        let bytes = usize::try_from(pages).unwrap_or(0) * PAGE_BYTES;
        loop {
            let seen = (self.reader.memory).view(address, bytes, |bytes| self.see(pfn, bytes))?;
            if seen.strangers.is_empty() {
                for (zombie, folio) in seen.charged {
                    self.found[zombie].add(&self.reader.resolved.pages, folio);
                }
                for (pfn, cache, pages) in seen.slabs {
                    self.slabs.see(pfn, cache, pages);
                }
                return Ok(());
            }
            for owner in seen.strangers {
                let zombie = self.look_up(owner, ledger);
                self.zombies.insert(owner, zombie);
            }
        }
    }

    /// Most pages are free, or of no memcg that is asked about: those must cost little.
    fn see(&self, pfn: u64, bytes: &[u8]) -> Seen {
        let marks = &self.reader.resolved.pages;
        let mut some = Seen::default();
        let mut last = (0, None);
        let (pages, _) = bytes.as_chunks::<PAGE_BYTES>();
        for (at, page) in pages.iter().enumerate() {
            let (flags, page_type, data) = self.places.words(page);
            let is_slab = marks.is_slab(flags, page_type);
            if (data == 0 && !is_slab) || word(page, self.head) & TAIL != 0 {
                continue;
            }
            let both = bytes.len().min((at + 2) * PAGE_BYTES);
            if is_slab {
                let pages = self.places.folio(&bytes[at * PAGE_BYTES..both]).pages;
                let cache = self.slabs.cache_of(page);
                some.slabs.push((pfn + at as u64, cache, pages));
                continue;
            }
            // Neighbours are often of one owner.
            if last.0 != data {
                let Some(zombie) = self.zombies.get(&data) else {
                    some.strangers.push(data);
                    continue;
                };
                last = (data, *zombie);
            }
            if let Some(zombie) = last.1 {
                let folio = self.places.folio(&bytes[at * PAGE_BYTES..both]);
                some.charged.push((zombie, folio));
            }
        }
        some
    }

    /// The zombie that an owner word stands for.
    fn look_up(&mut self, data: u64, ledger: &Ledger) -> Option<usize> {
        let marks = &self.reader.resolved.pages;
        // The reference of a kernel page is its object cgroup's, which went to the parent: no pin.
        if !marks.kmem_is_typed && data & (DATA_KMEM | DATA_OBJEXTS) != 0 {
            return None;
        }
        let memcg = self.owners.memcg(self.reader, data).ok()?;
        ledger.position(memcg)
    }
}

impl Charged {
    fn add(&mut self, marks: &Pages, folio: Folio) {
        let row = match marks.kind(folio.flags, folio.page_type, folio.data) {
            PageKind::Lru => return self.folios.add(folio),
            PageKind::Kmem => &mut self.kmem,
            PageKind::Hugetlb => &mut self.hugetlb,
            PageKind::Slab => return,
        };
        row.0 += 1;
        row.1 += folio.pages;
    }
}

fn word(page: &[u8; PAGE_BYTES], at: usize) -> u64 {
    let word = page.get(at..at + 8).and_then(|word| word.try_into().ok());
    u64::from_ne_bytes(word.unwrap_or_default())
}
