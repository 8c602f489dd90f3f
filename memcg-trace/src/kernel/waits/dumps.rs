//! Pages that a process has in its hands while it dumps core: the one at the address that it was
//! seen to take last, by its own page tables (arch/x86/include/asm/pgtable_64_types.h).

use std::thread::sleep;
use std::time::Duration;

use super::View;
use super::pages::Pages;
use crate::kernel::layout::fields::Field;
use crate::kernel::reader::Reader;

/// `_PAGE_PRESENT`, `_PAGE_PSE`.
const PRESENT: u64 = 1;
const HUGE: u64 = 1 << 7;
/// Bits of an entry that are an address.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
const PAGE_SHIFT: u32 = 12;
/// Bits of an address that each level goes by.
const LEVEL_BITS: u32 = 9;
/// A level below which entries can be pages themselves.
const PUD_SHIFT: u32 = 30;
/// How often to look for a page: while somebody tries to move it, its entry says that, and is no
/// page's (mm/migrate.c: try_to_migrate(), remove_migration_ptes()).
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_micros(100);

/// The page that a thread which dumps core took last, by its number.
pub(super) fn taken_page(view: &View<'_>, pages: &Pages, at: usize) -> Option<u64> {
    let dump = view.traced.dump(view, at)?;
    let mm = view
        .reader
        .word(view.threads.all[at].addr, Field::TaskMm)
        .ok()?;
    let table = view.reader.word(mm, Field::MmPgd).ok()?;
    for _ in 0..TRIES {
        let taken = pfn(view.reader, pages, table, dump.address);
        if taken.is_some() {
            return taken;
        }
        sleep(PAUSE);
    }
    None
}

/// The page at a user address, by tables whose first is at `table`.
fn pfn(reader: &Reader<'_>, pages: &Pages, mut table: u64, address: u64) -> Option<u64> {
    // A variable where there may be five levels (48 then, else 39).
    let shift = reader
        .symbol("pgdir_shift")
        .and_then(|at| reader.word_at(at));
    let mut shift = shift.map_or(39, |shift| u32::try_from(shift & 0xff).unwrap_or(39));
    loop {
        let index = address >> shift & ((1 << LEVEL_BITS) - 1);
        let entry = reader.word_at(table.wrapping_add(index * 8)).ok()?;
        if entry & PRESENT == 0 {
            return None;
        }
        let is_page = shift == PAGE_SHIFT || shift <= PUD_SHIFT && entry & HUGE != 0;
        if is_page {
            let within = address & ((1 << shift) - 1);
            let begin = entry & ADDRESS & !((1 << shift) - 1);
            return Some((begin | within) >> PAGE_SHIFT);
        }
        table = pages.mapped_at(entry & ADDRESS);
        shift = shift.checked_sub(LEVEL_BITS)?;
    }
}
