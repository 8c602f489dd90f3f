//! All pages of the host, one after the other: what is charged and on no list (unevictable
//! folios, the kernel's own pages, hugetlbfs), and the slabs that sockets are in.

use super::Found;
use super::ledger::Ledger;
use super::lists::{Folio, FolioPlaces, Folios, Owners};
use super::namespaces::Namespaces;
use super::open_files::Open;
use super::slabs::SocketSlabs;
use crate::kernel::layout::fields::Field;
use crate::kernel::layout::pages::{DATA_KMEM, DATA_OBJEXTS, PageKind};
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

/// Bytes of a `struct page`.
const PAGE_BYTES: usize = 64;
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
        last: (0, None),
        found: ledger.zombies.iter().map(|_| Charged::default()).collect(),
        slabs: SocketSlabs::new(reader)?,
    };
    let mut bytes = vec![0; usize::try_from(AT_ONCE).unwrap_or(0) * PAGE_BYTES];
    for range in ranges {
        let mut pfn = range.start;
        while pfn < range.end {
            // Aligned, so that the second page of a folio, which says how many it has, is there.
            let pages = (AT_ONCE - pfn % AT_ONCE).min(range.end - pfn);
            let used = &mut bytes[..usize::try_from(pages).unwrap_or(0) * PAGE_BYTES];
            let address = vmemmap + pfn * PAGE_BYTES as u64;
            // The array of descriptors has holes where memory has.
            if reader.memory.read(address, used).is_ok() {
                ledger.visited.pages += pages;
                look.at(pfn, used, ledger);
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
    /// The last owner word, and which zombie it stands for: neighbours are often of one owner.
    last: (u64, Option<usize>),
    found: Vec<Charged>,
    slabs: SocketSlabs,
}

impl Look<'_, '_> {
    /// Looks at the pages from `pfn` on by their descriptors. Most are free, or of no memcg that
    /// is asked about: those must cost little.
    fn at(&mut self, pfn: u64, bytes: &[u8], ledger: &Ledger) {
        let marks = &self.reader.resolved.pages;
        let (pages, _) = bytes.as_chunks::<PAGE_BYTES>();
        for (at, page) in pages.iter().enumerate() {
            if self.places.is_nobodys(page, marks) || word(page, self.head) & TAIL != 0 {
                continue;
            }
            let folio = self.places.folio(&bytes[at * PAGE_BYTES..][..PAGE_BYTES]);
            let is_slab = marks.is_slab(folio.flags, folio.page_type);
            if !is_slab && self.owner(folio.data, ledger).is_none() {
                continue;
            }
            let both = bytes.len().min((at + 2) * PAGE_BYTES);
            let folio = self.places.folio(&bytes[at * PAGE_BYTES..both]);
            if is_slab {
                self.slabs.see(pfn + at as u64, page, folio.pages);
            } else if let Some(zombie) = self.owner(folio.data, ledger) {
                let kind = marks.kind(folio.flags, folio.page_type, folio.data);
                add(&mut self.found[zombie], kind, folio);
            }
        }
    }

    /// The zombie that an owner word stands for.
    fn owner(&mut self, data: u64, ledger: &Ledger) -> Option<usize> {
        if self.last.0 == data {
            return self.last.1;
        }
        let marks = &self.reader.resolved.pages;
        // The reference of a kernel page is its object cgroup's, which went to the parent: no pin.
        let by_objcg = !marks.kmem_is_typed && data & (DATA_KMEM | DATA_OBJEXTS) != 0;
        let memcg = if by_objcg {
            None
        } else {
            self.owners.memcg(self.reader, data).ok()
        };
        let zombie = memcg.and_then(|memcg| ledger.position(memcg));
        self.last = (data, zombie);
        zombie
    }
}

fn add(found: &mut Charged, kind: PageKind, folio: Folio) {
    let row = match kind {
        PageKind::Lru => return found.folios.add(folio),
        PageKind::Kmem => &mut found.kmem,
        PageKind::Hugetlb => &mut found.hugetlb,
        PageKind::Slab => return,
    };
    row.0 += 1;
    row.1 += folio.pages;
}

fn word(page: &[u8; PAGE_BYTES], at: usize) -> u64 {
    let word = page.get(at..at + 8).and_then(|word| word.try_into().ok());
    u64::from_ne_bytes(word.unwrap_or_default())
}
