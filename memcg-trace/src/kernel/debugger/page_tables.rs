//! Page tables of processes (arch/x86/include/asm/pgtable_64_types.h): pages by address.

use crate::kernel::host::symbols::Symbol;
use std::ops::Range;

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::{Reader, words};
use crate::kernel::layout::fields::Field;
use crate::kernel::layout::swap::AREA_SHIFT;

/// `_PAGE_PRESENT`, `_PAGE_PSE`, and `_PAGE_PROTNONE` of a page that is present without access.
const PRESENT: u64 = 1;
const HUGE: u64 = 1 << 7;
const PROT_NONE: u64 = 1 << 8;
/// Bits of an entry that are an address.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
pub(crate) const PAGE_SHIFT: u32 = 12;
/// Bits of an address for each level.
const LEVEL_BITS: u32 = 9;
const ENTRIES: u64 = 1 << LEVEL_BITS;
/// The highest level whose entries can be pages themselves.
const PUD_SHIFT: u32 = 30;
/// The end of user addresses, with five levels.
const USER_END: u64 = 1 << 56;
/// Most tables of one address space that are read: those of 128 GiB of small pages.
const MAX_TABLES: usize = 1 << 16;

/// The page tables of an address space.
pub(crate) struct PageTables<'a, 'm> {
    reader: &'a Reader<'m>,
    top: u64,
    top_shift: u32,
    page_offset: u64,
}

/// An entry for present memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) address: u64,
    pub(crate) pfn: u64,
    /// Pages of 4 KiB.
    pub(crate) pages: u64,
}

impl<'a, 'm> PageTables<'a, 'm> {
    /// The page tables of a `mm_struct`.
    pub(crate) fn of(reader: &'a Reader<'m>, mm: u64) -> Result<Self, Unreadable> {
        // The shift is a variable on kernels that may have five levels (48 then, else 39).
        let shift = reader
            .symbol(Symbol::PgdirShift)
            .and_then(|at| reader.word_at(at));
        Ok(Self {
            reader,
            top: reader.word(mm, Field::MmPgd)?,
            top_shift: shift.map_or(39, |shift| u32::try_from(shift & 0xff).unwrap_or(39)),
            page_offset: reader.word_at(reader.symbol(Symbol::PageOffsetBase)?)?,
        })
    }

    /// The number of the page at an address.
    pub(crate) fn pfn(&self, address: u64) -> Option<u64> {
        let mut found = None;
        let page = address >> PAGE_SHIFT << PAGE_SHIFT;
        let range = page..page.saturating_add(1 << PAGE_SHIFT);
        let outcome = self.each(range, |entry| {
            found = Some(entry.pfn + ((address - entry.address) >> PAGE_SHIFT));
        });
        outcome.ok().and(found)
    }

    /// Hands over the numbers of the pages of the tables themselves.
    pub(crate) fn each_table(&self, mut see: impl FnMut(u64)) -> Result<(), Unreadable> {
        let mut open = vec![(self.top, self.top_shift)];
        let mut read = 0;
        while let Some((table, shift)) = open.pop() {
            see(table.wrapping_sub(self.page_offset) >> PAGE_SHIFT);
            // The lowest tables have no tables below; of the top table, only one half is the
            // process's.
            let Some(below) = shift.checked_sub(LEVEL_BITS).filter(|_| shift > PAGE_SHIFT) else {
                continue;
            };
            read += 1;
            if read > MAX_TABLES {
                return Err(Unreadable::Failed(format!(
                    "more than {MAX_TABLES} page tables"
                )));
            }
            let is_top = shift == self.top_shift;
            let count = if is_top { ENTRIES / 2 } else { ENTRIES };
            let mut bytes = vec![0; usize::try_from(count).unwrap_or(0) * 8];
            self.reader.memory.read(table, &mut bytes)?;
            for entry in words(&bytes) {
                let is_page = shift <= PUD_SHIFT && entry & HUGE != 0;
                if let Some(physical) = physical(entry).filter(|_| !is_page) {
                    open.push((self.page_offset + physical, below));
                }
            }
        }
        Ok(())
    }

    /// Hands over all entries for present memory in a range of addresses.
    pub(crate) fn each(&self, range: Range<u64>, see: impl FnMut(Entry)) -> Result<(), Unreadable> {
        self.walk(range, see, |_| {})
    }

    /// Hands over the places in swap of all pages of the process that are in swap.
    pub(crate) fn each_in_swap(&self, mut see: impl FnMut(u64)) -> Result<(), Unreadable> {
        // The upper half is the kernel's.
        let all = 0..1 << (self.top_shift + LEVEL_BITS - 1);
        self.walk(all, |_| {}, |entry| see(place(entry)))
    }

    fn walk(
        &self,
        range: Range<u64>,
        mut see: impl FnMut(Entry),
        mut see_absent: impl FnMut(u64),
    ) -> Result<(), Unreadable> {
        if range.is_empty() || range.end > USER_END {
            return Ok(());
        }
        let mut open = vec![(self.top, self.top_shift, range)];
        let mut read = 0;
        while let Some((table, shift, range)) = open.pop() {
            read += 1;
            if read > MAX_TABLES {
                return Err(Unreadable::Failed(format!(
                    "more than {MAX_TABLES} page tables"
                )));
            }
            let begin = range.start >> shift;
            let end = ((range.end - 1) >> shift) + 1;
            let first = begin % ENTRIES;
            let count = (end - begin).min(ENTRIES - first);
            let mut bytes = vec![0; usize::try_from(count).unwrap_or(0) * 8];
            let from = table.wrapping_add(first * 8);
            self.reader.memory.read(from, &mut bytes)?;
            for (entry, at) in words(&bytes).into_iter().zip(begin..) {
                let address = at << shift;
                let bytes = 1 << shift;
                let Some(physical) = physical(entry) else {
                    if shift == PAGE_SHIFT && entry != 0 {
                        see_absent(entry);
                    }
                    continue;
                };
                if shift == PAGE_SHIFT || shift <= PUD_SHIFT && entry & HUGE != 0 {
                    see(Entry {
                        address,
                        pfn: (physical & !(bytes - 1)) >> PAGE_SHIFT,
                        pages: bytes >> PAGE_SHIFT,
                    });
                } else if let Some(below) = shift.checked_sub(LEVEL_BITS) {
                    let part = range.start.max(address)..range.end.min(address + bytes);
                    let table = self.page_offset.wrapping_add(physical);
                    open.push((table, below, part));
                }
            }
        }
        Ok(())
    }
}

/// The physical address of the memory or the table of an entry.
fn physical(entry: u64) -> Option<u64> {
    if entry & PRESENT != 0 {
        Some(entry & ADDRESS)
    } else if entry & PROT_NONE != 0 {
        // Inverted, so that no CPU reads there speculatively
        // (arch/x86/include/asm/pgtable-invert.h).
        Some(!entry & ADDRESS)
    } else {
        None
    }
}

/// The place in swap of an entry without present memory: its offset is inverted
/// (arch/x86/include/asm/pgtable_64.h: __swp_entry()).
fn place(entry: u64) -> u64 {
    let area = entry >> 59;
    let offset = (!entry << 5) >> 14;
    area << AREA_SHIFT | offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_swap_are_read_as_the_kernel_writes_them() {
        let entry = |area: u64, offset: u64| (!offset << 14 >> 5) | area << 59;
        for (area, offset) in [(0, 1), (0, 0), (3, 123_456), (31, (1 << 50) - 1)] {
            assert_eq!(place(entry(area, offset)), area << AREA_SHIFT | offset);
        }
    }

    #[test]
    fn an_entry_that_may_not_be_used_is_inverted() {
        assert_eq!(physical(0x1234_5000 | PRESENT), Some(0x1234_5000));
        let inverted = !0x1234_5000 & ADDRESS | PROT_NONE;
        assert_eq!(physical(inverted), Some(0x1234_5000));
        assert_eq!(physical(0x1234_5000), None);
    }
}
