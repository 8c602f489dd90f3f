//! All pages of the host, one after the other: what is charged and on no list (unevictable
//! folios, the kernel's own pages, hugetlbfs), and the slabs that sockets are in.

use super::Found;
use super::ledger::Ledger;
use super::lists::{Folio, FolioPlaces, Folios, Owners};
use super::namespaces::Namespaces;
use super::open_files::Open;
use super::slabs::SocketSlabs;
use crate::kernel::layout::fields::Field;
use crate::kernel::layout::pages::{DATA_FLAGS, DATA_KMEM, DATA_OBJEXTS, PageKind};
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
    let places = FolioPlaces::of(reader)?;
    let vmemmap = reader.word_at(reader.symbol("vmemmap_base")?)?;
    let head = usize::try_from(reader.offset(Field::PageHead)?).unwrap_or(0);
    let ranges = ram::ranges().map_err(Unreadable::Absent)?;
    let mut slabs = SocketSlabs::new(reader)?;
    let mut owners = Owners::default();
    let mut found: Vec<Charged> = ledger.zombies.iter().map(|_| Charged::default()).collect();
    let mut bytes = vec![0; usize::try_from(AT_ONCE).unwrap_or(0) * PAGE_BYTES];
    for range in ranges {
        let mut pfn = range.start;
        while pfn < range.end {
            // Aligned, so that the second page of a folio, which says how many it has, is there.
            let pages = (AT_ONCE - pfn % AT_ONCE).min(range.end - pfn);
            let used = usize::try_from(pages).unwrap_or(0) * PAGE_BYTES;
            let address = vmemmap + pfn * PAGE_BYTES as u64;
            // The array of descriptors has holes where memory has.
            if reader.memory.read(address, &mut bytes[..used]).is_ok() {
                ledger.visited.pages += pages;
                for (at, page) in (pfn..).zip(bytes[..used].chunks_exact(PAGE_BYTES)) {
                    let first = word(page, head);
                    if first & TAIL != 0 {
                        continue;
                    }
                    let from = usize::try_from(at - pfn).unwrap_or(0) * PAGE_BYTES;
                    let folio = places.folio(&bytes[from..used.min(from + 2 * PAGE_BYTES)]);
                    let marks = &reader.resolved.pages;
                    if marks.is_slab(folio.flags, folio.page_type) {
                        slabs.see(at, page, folio.pages);
                    } else if folio.data != 0
                        && let Some(zombie) = owner(reader, &mut owners, folio, ledger)
                    {
                        add(
                            &mut found[zombie],
                            marks.kind(folio.flags, folio.page_type, folio.data),
                            folio,
                        );
                    }
                }
            }
            pfn += pages;
        }
    }
    for (zombie, found) in ledger.zombies.iter_mut().zip(found) {
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
    slabs.count(reader, open, namespaces, ledger)
}

fn owner(reader: &Reader<'_>, owners: &mut Owners, folio: Folio, ledger: &Ledger) -> Option<usize> {
    let marks = &reader.resolved.pages;
    let owner = folio.data & !DATA_FLAGS;
    let is_objcg = !marks.kmem_is_typed && folio.data & DATA_KMEM != 0;
    let memcg = if folio.data & DATA_OBJEXTS != 0 {
        return None;
    } else if is_objcg {
        // Its reference is the object cgroup's, which went to the parent: no pin.
        return None;
    } else if marks.owner_is_objcg {
        owners.of_objcg(reader, owner).ok()?
    } else {
        owner
    };
    ledger.position(memcg)
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

fn word(bytes: &[u8], at: usize) -> u64 {
    let word = bytes.get(at..at + 8).and_then(|word| word.try_into().ok());
    u64::from_ne_bytes(word.unwrap_or_default())
}
