//! What a process has in swap, by its page tables (x86-64: arch/x86/include/asm/pgtable_64.h).

use super::layout::fields::Field;
use super::layout::swap::AREA_SHIFT;
use super::memory::Unreadable;
use super::reader::{Reader, words};

const TABLE_BYTES: usize = 4096;
/// Entries of the top that are the process's; the others are the kernel's.
const OF_PROCESS: usize = 256;
const PRESENT: u64 = 1;
const HUGE: u64 = 1 << 7;
/// There, but not to be touched.
const PROTNONE: u64 = 1 << 8;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
/// Where `pgdir_shift` says that there are five levels.
const FIVE_LEVELS: u64 = 48;

/// Places in swap that the page tables of an address space have. At most `budget` tables are
/// looked at, which is what is left of it after; says whether those were all.
pub(super) fn swapped(
    reader: &Reader<'_>,
    mm: u64,
    budget: &mut usize,
    mut see: impl FnMut(u64),
) -> Result<bool, Unreadable> {
    let page_offset = reader.word_at(reader.symbol("page_offset_base")?)?;
    let has_five = match reader.symbol("pgdir_shift") {
        Ok(shift) => reader.word_at(shift)? & 0xffff_ffff == FIVE_LEVELS,
        Err(_) => false,
    };
    let top = reader.word(mm, Field::MmPgd)?;
    let mut open = vec![(top, if has_five { 5 } else { 4 })];
    let is_top = |table| table == top;
    while let Some((table, level)) = open.pop() {
        if *budget == 0 {
            return Ok(false);
        }
        *budget -= 1;
        let mut bytes = [0; TABLE_BYTES];
        match reader.memory.read(table, &mut bytes) {
            Ok(()) => {}
            // It is gone.
            Err(Unreadable::Fault(_)) => continue,
            Err(why) => return Err(why),
        }
        let entries = words(&bytes);
        let entries = &entries[..if is_top(table) {
            OF_PROCESS
        } else {
            entries.len()
        }];
        for entry in entries.iter().copied().filter(|entry| *entry != 0) {
            if level > 1 && entry & (PRESENT | HUGE) == PRESENT {
                open.push((page_offset + (entry & ADDRESS), level - 1));
            } else if level == 1 && entry & (PRESENT | PROTNONE) == 0 {
                see(place(entry));
            }
        }
    }
    Ok(true)
}

/// The place in swap that an entry of a page table says: its offset is inverted.
fn place(entry: u64) -> u64 {
    let area = entry >> 59;
    let offset = (!entry << 5) >> 14;
    area << AREA_SHIFT | offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_the_kernel_writes_them() {
        // __swp_entry(): (~offset << SWP_OFFSET_SHIFT >> SWP_TYPE_BITS) | (type << 59).
        let entry = |area: u64, offset: u64| (!offset << 14 >> 5) | area << 59;
        for (area, offset) in [(0, 1), (0, 0), (3, 123_456), (31, (1 << 50) - 1)] {
            assert_eq!(place(entry(area, offset)), area << AREA_SHIFT | offset);
        }
    }
}
