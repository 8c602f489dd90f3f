//! Owners of the pages that a zombie has in swap: files of tmpfs, by the swap entries in their page
//! cache, and private memory, by page tables. All these pages have one reference to the zombie
//! together, so their owners are parts of the zombie's id in swap.

use crate::kernel::host::symbols::Symbol;
use std::collections::{HashMap, HashSet};

use super::file_object;
use super::holders::Kind;
use super::ledger::Ledger;
use super::swap_owners::Owners;
use super::users::set_users;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::page_tables::PageTables;
use crate::kernel::debugger::reader::{Reader, words};
use crate::kernel::debugger::tasks::{self, Thread};
use crate::kernel::debugger::visible_paths::VisiblePaths;
use crate::kernel::debugger::xarray;
use crate::kernel::layout::fields::Field;
use crate::sample::pins::{Object, ObjectKind, PinKind, UserKind};

/// Bound on the files of tmpfs that have pages in swap.
const MAX_FILES: usize = 100_000;
/// Nodes of one file's page cache: 64 pages each.
const MAX_NODES: usize = 1 << 16;
/// Bound on the free swap slots that one CPU keeps (mm/swap_slots.c: SWAP_SLOTS_CACHE_SIZE is
/// less).
const MAX_KEPT: u64 = 1024;
/// Bound on the swap slots that are looked at.
const MAX_PLACES: usize = 1 << 22;

/// Finds the owners, for zombies that have pages in swap.
pub(super) fn describe(
    reader: &Reader<'_>,
    threads: &[Thread],
    paths: &mut VisiblePaths,
    ledger: &mut Ledger,
) -> Result<(), Unreadable> {
    let mut by_id = HashMap::new();
    for (at, zombie) in ledger.zombies.iter().enumerate() {
        if zombie.has_swap() {
            by_id.insert(reader.word(zombie.css, Field::MemcgId)?, at);
        }
    }
    if by_id.is_empty() {
        return Ok(());
    }
    let mut scan = SwapScan {
        reader,
        owners: Owners::new(reader)?,
        by_id,
        seen: ledger.zombies.iter().map(|_| HashSet::new()).collect(),
        left: MAX_PLACES,
    };
    // Either may find all owners: if one search fails, the other is still done.
    let of_files = scan.files(paths, ledger);
    let of_processes = scan.processes(threads, ledger);
    let of_cpus = scan.cpus(ledger);
    let not_checked = [
        ("files of tmpfs", of_files),
        ("page tables of processes", of_processes),
        ("places that CPUs keep", of_cpus),
    ];
    let not_checked = not_checked.into_iter().filter_map(|(what, outcome)| {
        let why = outcome.err()?;
        Some(format!("{what}: {why}"))
    });
    let not_checked: Vec<_> = not_checked.collect();
    for (zombie, seen) in ledger.zombies.iter_mut().zip(scan.seen) {
        zombie.set_swapped(seen.len() as u64, &not_checked);
    }
    Ok(())
}

struct SwapScan<'a, 'm> {
    reader: &'a Reader<'m>,
    owners: Owners,
    by_id: HashMap<u64, usize>,
    /// Swap slots of each zombie whose owner was found.
    seen: Vec<HashSet<u64>>,
    /// Number of swap slots that may still be looked at.
    left: usize,
}

impl SwapScan<'_, '_> {
    /// Counts the swap slots of each zombie among `places`.
    fn sort(&mut self, places: &[u64]) -> Result<HashMap<usize, u64>, Unreadable> {
        let mut of_zombies = HashMap::new();
        for (place, id) in places.iter().zip(self.owners.of(self.reader, places)?) {
            if let Some(zombie) = id.and_then(|id| self.by_id.get(&id)) {
                *of_zombies.entry(*zombie).or_insert(0) += 1;
                self.seen[*zombie].insert(*place);
            }
        }
        Ok(of_zombies)
    }

    fn files(&mut self, paths: &mut VisiblePaths, ledger: &mut Ledger) -> Result<(), Unreadable> {
        let reader = self.reader;
        let list = reader.symbol(Symbol::ShmemSwaplist)?;
        let (infos, mut is_all) = reader.list(list, Field::ShmemSwaplist, MAX_FILES)?;
        let swapped = reader.column(&infos, Field::ShmemSwapped)?;
        let inside = reader.offset(Field::ShmemInode)?;
        let pages = reader.offset(Field::MappingPages)?;
        for (info, swapped) in infos.into_iter().zip(swapped) {
            if swapped.unwrap_or(0) == 0 {
                continue;
            }
            let inode = info + inside;
            let mut places = Vec::new();
            let left = self.left;
            let array = reader.word(inode, Field::InodeMapping)? + pages;
            let outcome = xarray::entries(reader, array, MAX_NODES, |entry| {
                if let Some(first) = entry.value() {
                    let room = left.saturating_sub(places.len()) as u64;
                    places.extend((0..entry.indices.min(room)).map(|at| first + at));
                }
            });
            match outcome {
                Ok(all) => is_all &= all,
                // The file is removed meanwhile, or grows.
                Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => is_all = false,
                Err(why) => return Err(why),
            }
            self.left -= places.len();
            ledger.visited.objects += 1;
            for (zombie, pages) in self.sort(&places)? {
                let mut object = Object::default();
                if file_object::fill(reader, paths, inode, &mut object).is_err() {
                    continue;
                }
                object.pages = Some(pages);
                let zombie = &mut ledger.zombies[zombie];
                zombie.add_part(PinKind::Swap, object, Some(Kind::Inode.at(inode)));
            }
        }
        whole(is_all && self.left > 0)
    }

    fn processes(&mut self, threads: &[Thread], ledger: &mut Ledger) -> Result<(), Unreadable> {
        let reader = self.reader;
        let mms: HashSet<u64> = threads.iter().map(|thread| thread.mm).collect();
        let mut is_all = true;
        for mm in mms.into_iter().filter(|mm| *mm != 0) {
            if self.owners.entries_of(reader, mm)? <= 0 {
                continue;
            }
            ledger.visited.objects += 1;
            let mut places = Vec::new();
            let left = self.left;
            let outcome = PageTables::of(reader, mm)?.each_in_swap(|place| {
                if places.len() < left {
                    places.push(place);
                }
            });
            match outcome {
                Ok(()) => {}
                // The address space is freed meanwhile, or is very large.
                Err(Unreadable::Fault(_) | Unreadable::Failed(_)) => is_all = false,
                Err(why) => return Err(why),
            }
            self.left -= places.len();
            for (zombie, pages) in self.sort(&places)? {
                let owner = reader.word(mm, Field::MmOwner)?;
                let mut object = Object {
                    kind: ObjectKind::PrivateAnon,
                    pages: Some(pages),
                    ..Object::default()
                };
                let user = tasks::user(reader, owner, UserKind::Mapped);
                set_users(&mut object, user.into_iter().collect());
                ledger.zombies[zombie].add_part(PinKind::Swap, object, None);
            }
        }
        whole(is_all && self.left > 0)
    }

    /// Counts free swap slots that a CPU keeps before it gives them back: until then they are
    /// charged (mm/swap_slots.c: free_swap_slot()).
    fn cpus(&mut self, ledger: &mut Ledger) -> Result<(), Unreadable> {
        let reader = self.reader;
        // Newer kernels have neither the slots nor a variable of that name.
        if !reader.has(Field::SlotsFreed) && reader.symbol(Symbol::SwpSlots).is_err() {
            return Ok(());
        }
        for (cpu, slots) in reader.per_cpu(Symbol::SwpSlots)? {
            let count = reader.word(slots, Field::SlotsNrFreed)?.min(MAX_KEPT);
            let freed = reader.word(slots, Field::SlotsFreed)?;
            if freed == 0 {
                continue;
            }
            let mut bytes = vec![0; usize::try_from(count).unwrap_or(0) * 8];
            reader.memory.read(freed, &mut bytes)?;
            for (zombie, pages) in self.sort(&words(&bytes))? {
                let object = Object {
                    kind: ObjectKind::SwapSlots,
                    cpu: Some(cpu),
                    pages: Some(pages),
                    ..Object::default()
                };
                ledger.zombies[zombie].add_part(PinKind::Swap, object, None);
            }
        }
        Ok(())
    }
}

fn whole(is_all: bool) -> Result<(), Unreadable> {
    if is_all {
        Ok(())
    } else {
        Err(Unreadable::Failed(
            "not all of them, they are too many or change".to_owned(),
        ))
    }
}
