//! Pages on a zombie's own lists, and in the CPUs' batches on their way to the lists.

use crate::kernel::host::symbols::Symbol;
use std::ops::ControlFlow;

use super::folios::Folios;
use super::ledger::{Ledger, Visited, Zombie};
use crate::kernel::debugger::folio::{DESCRIPTOR_BYTES, Folio, FolioPlaces};
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::page_owner::Owners;
use crate::kernel::debugger::reader::{Reader, is_kernel_address, words};
use crate::kernel::layout::fields::Field;
use crate::sample::pins::PinKind;
use crate::units;

/// Kinds of references that pages on lists can be.
pub(super) const KINDS: [PinKind; 4] = [
    PinKind::PageFile,
    PinKind::PageShmem,
    PinKind::PageAnon,
    PinKind::PageAnonShared,
];

/// Folios of one zombie that are looked at: 16 GiB of single pages.
const MAX_FOLIOS: u64 = 1 << 22;
/// Attempts to read a list that changes.
const ATTEMPTS: u32 = 3;
/// A `struct list_head`.
const HEAD_BYTES: u64 = 16;

/// One of the per-CPU batches.
struct Batch {
    /// Its symbols before and after folios, each with an upper bound of its size in bytes.
    names: [(Symbol, usize); 2],
    /// A function that exists where the batch does; `None` if each kernel has the batch.
    function: Option<Symbol>,
}

/// All batches (mm/swap.c, mm/mlock.c).
const BATCHES: [Batch; 2] = [
    Batch {
        names: [(Symbol::LruPvecs, 1024), (Symbol::CpuFbatches, 2048)],
        function: None,
    },
    Batch {
        names: [(Symbol::MlockPvec, 256), (Symbol::MlockFbatch, 512)],
        function: Some(Symbol::MlockDrainLocal),
    },
];

pub(super) fn count(
    reader: &Reader<'_>,
    zombie: &mut Zombie,
    visited: &mut Visited,
) -> Result<(), Unreadable> {
    let places = FolioPlaces::of(reader)?;
    for node in nodes(reader, zombie.css)? {
        of_node(reader, &places, zombie, node, visited)?;
    }
    unevictable(reader, zombie)
}

/// The memcg's part on each NUMA node.
pub(in crate::kernel) fn nodes(reader: &Reader<'_>, css: u64) -> Result<Vec<u64>, Unreadable> {
    let count = usize::try_from(reader.nodes()?).unwrap_or(1);
    let mut bytes = vec![0; count * 8];
    let nodeinfo = css + reader.offset(Field::MemcgNodeinfo)?;
    reader.memory.read(nodeinfo, &mut bytes)?;
    let nodes = words(&bytes).into_iter();
    Ok(nodes.filter(|node| is_kernel_address(*node)).collect())
}

fn of_node(
    reader: &Reader<'_>,
    places: &FolioPlaces,
    zombie: &mut Zombie,
    node: u64,
    visited: &mut Visited,
) -> Result<(), Unreadable> {
    let mut fields = vec![Field::NodeLists];
    // A kernel without MGLRU has neither of these.
    if reader.has(Field::NodeGenerations) || reader.has(Field::NodeGenerationPages) {
        fields.push(Field::NodeGenerations);
    }
    for field in fields {
        let place = reader.place(field)?;
        let heads = reader.words(node, field)?;
        for (head, at) in heads.chunks_exact(2).zip(0_u64..) {
            let address = node + place.offset + at * HEAD_BYTES;
            let first = head[0];
            // Some heads are poisoned: the list of unevictable folios is always empty.
            if first == address || !is_kernel_address(first) {
                continue;
            }
            let folios = of_list(reader, places, zombie, address, visited)?;
            zombie.folios.merge(folios);
        }
    }
    Ok(())
}

/// All folios of a list. The list is not locked: a folio of another memcg means that the walk has
/// left the list, and it is started again.
fn of_list(
    reader: &Reader<'_>,
    places: &FolioPlaces,
    zombie: &Zombie,
    head: u64,
    visited: &mut Visited,
) -> Result<Folios, Unreadable> {
    let lru = reader.offset(Field::PageLru)?;
    for _ in 0..ATTEMPTS {
        let mut folios = Folios::default();
        let mut count = 0;
        let mut outcome = Ok(());
        let first = reader.word_at(head)?;
        let followed = reader.memory.chain(first, head, 0, |nodes| {
            let pages: Vec<_> = nodes.iter().map(|node| node.wrapping_sub(lru)).collect();
            count += pages.len() as u64;
            outcome = take(reader, places, zombie.css, &pages, |folio| {
                folios.add(folio)
            });
            if count >= MAX_FOLIOS {
                folios.truncated_at = Some(count);
            }
            if outcome.is_err() || count >= MAX_FOLIOS {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        visited.pages += count;
        match followed.and(outcome) {
            Ok(()) => return Ok(folios),
            Err(error @ (Unreadable::Absent(_) | Unreadable::Failed(_))) => return Err(error),
            Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => {}
        }
    }
    Err(Unreadable::Changed("a list of pages"))
}

/// Adds folios, which must all belong to the zombie.
fn take(
    reader: &Reader<'_>,
    places: &FolioPlaces,
    css: u64,
    pages: &[u64],
    mut add: impl FnMut(Folio),
) -> Result<(), Unreadable> {
    let mut owners = Owners::default();
    let mut outcome = Ok(());
    read_folios(reader, places, pages, |folio| {
        match owners.memcg(reader, folio.data) {
            Ok(memcg) if memcg == css => add(folio),
            Ok(_) => outcome = Err(Unreadable::Changed("a list of pages")),
            Err(why) => outcome = Err(why),
        }
    })?;
    outcome
}

/// Reads the folios whose descriptors are at `pages`.
fn read_folios(
    reader: &Reader<'_>,
    places: &FolioPlaces,
    pages: &[u64],
    mut see: impl FnMut(Folio),
) -> Result<(), Unreadable> {
    let mut at = pages.iter();
    reader.memory.each(pages, 2 * DESCRIPTOR_BYTES, |bytes| {
        if let (Some(page), Some(bytes)) = (at.next(), bytes) {
            see(places.folio(*page, bytes));
        }
    })
}

/// Counts folios that a CPU has taken off the lists, or not put on one yet. Unused slots of a batch
/// keep their old value, so a folio that is on a list is not counted here.
pub(super) fn batches(reader: &Reader<'_>, ledger: &mut Ledger) -> Result<(), Unreadable> {
    let places = FolioPlaces::of(reader)?;
    let first_page = reader.word_at(reader.symbol(Symbol::VmemmapBase)?)?;
    let mut pages = Vec::new();
    let mut outcome = Ok(());
    for batch in &BATCHES {
        let (name, bytes) = match batch.name(reader) {
            Ok(Some(known)) => known,
            Ok(None) => continue,
            Err(why) => {
                outcome = Err(why);
                continue;
            }
        };
        let mut memory = vec![0; bytes];
        for (_, batch) in reader.per_cpu(name)? {
            // A CPU that was never online has no memory for it.
            if reader.memory.read(batch, &mut memory).is_ok() {
                let slots = words(&memory).into_iter();
                let is_page = |slot: &u64| {
                    (first_page..first_page.saturating_add(VMEMMAP_BYTES)).contains(slot)
                        && (slot - first_page).is_multiple_of(DESCRIPTOR_BYTES as u64)
                };
                pages.extend(slots.filter(is_page));
            }
        }
    }
    pages.sort_unstable();
    pages.dedup();
    ledger.visited.pages += pages.len() as u64;
    let lru = reader.resolved.pages.lru;
    let mut owners = Owners::default();
    let mut found = Vec::new();
    read_folios(reader, &places, &pages, |folio| {
        if folio.flags & lru == 0 && folio.data != 0 && folio.mapping != 0 {
            found.push(folio);
        }
    })?;
    ledger
        .in_batches
        .extend(found.iter().map(|folio| folio.page));
    for folio in found {
        if let Ok(memcg) = owners.memcg(reader, folio.data)
            && let Some(zombie) = ledger.zombie(memcg)
        {
            zombie.folios.add(folio);
        }
    }
    outcome
}

impl Batch {
    /// The name that this kernel has for it; `None` if it lacks the batch.
    fn name(&self, reader: &Reader<'_>) -> Result<Option<(Symbol, usize)>, Unreadable> {
        let mut why = None;
        for name in self.names {
            match reader.symbol(name.0) {
                Ok(_) => return Ok(Some(name)),
                Err(one) => why = Some(one),
            }
        }
        let is_there = self.function.map(|function| reader.symbol(function));
        match (is_there, why) {
            (None | Some(Ok(_)), Some(why)) => Err(why),
            _ => Ok(None),
        }
    }
}

/// The array of all `struct page` has 1 TiB of the address space at most
/// (Documentation/arch/x86/x86_64/mm.rst: with five levels 0.5 PiB of memory need more).
const VMEMMAP_BYTES: u64 = 1 << 49;

/// Counts unevictable folios where they are on no list (mm_inline.h: lruvec_add_folio(), 5.18 and
/// later): only the sizes of the lists include them.
fn unevictable(reader: &Reader<'_>, zombie: &mut Zombie) -> Result<(), Unreadable> {
    let mut pages = 0_u64;
    for node in nodes(reader, zombie.css)? {
        let lists = reader.words(node, Field::NodeLists)?;
        let count = lists.len() / 2;
        let is_list = |head: &[u64]| is_kernel_address(head[0]);
        if count == 0 || lists.chunks_exact(2).nth(UNEVICTABLE).is_none_or(is_list) {
            continue;
        }
        let sizes = reader.words(node, Field::NodeLruZoneSize)?;
        let unevictable = sizes.chunks(count).filter_map(|zone| zone.get(UNEVICTABLE));
        pages += unevictable.sum::<u64>();
    }
    if pages > 0 {
        zombie.off_lists = Some(format!(
            "{} {} on no list",
            units::things(pages, "unevictable page"),
            units::is(pages)
        ));
    }
    Ok(())
}

/// `LRU_UNEVICTABLE` (include/linux/mmzone.h), the last of the lists.
const UNEVICTABLE: usize = 4;
