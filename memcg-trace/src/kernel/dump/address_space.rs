//! The kernel's virtual memory: its page tables, walked in the dump (arch/x86/include/asm/
//! pgtable_types.h).

use std::cell::RefCell;

use super::errors::Unread;
use super::pages::{PAGE, PAGE_BYTES};
use super::physical::Physical;

/// Bits of an entry of a page table.
const PRESENT: u64 = 1;
const HUGE: u64 = 1 << 7;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
/// Entries of a table, as bits of an address.
const INDEX_BITS: u32 = 9;
/// Levels at which an entry may be a huge page: of 2 MiB and of 1 GiB.
const HUGE_LEVELS: std::ops::RangeInclusive<u32> = 2..=3;
/// Number of pages whose place is kept.
const KEPT: usize = 1 << 13;

/// The tables from which the kernel's addresses are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Root {
    /// The physical address of the first table.
    pub(super) table: u64,
    /// 4, or 5.
    pub(super) levels: u32,
}

/// Kernel memory by virtual address.
pub(super) struct AddressSpace {
    pub(super) memory: Physical,
    root: Root,
    /// Virtual and physical page, at a place that the virtual one says.
    kept: RefCell<Vec<(u64, u64)>>,
}

impl AddressSpace {
    pub(super) fn new(memory: Physical, root: Root) -> Self {
        Self {
            memory,
            root,
            // No page of the kernel's half is 0.
            kept: RefCell::new(vec![(0, 0); KEPT]),
        }
    }

    /// Fills `out` with the bytes at an address.
    pub(super) fn read(&self, address: u64, out: &mut [u8]) -> Result<(), Unread> {
        let mut at = address;
        let mut rest = out;
        while !rest.is_empty() {
            let within = at % PAGE;
            let bytes = rest.len().min(PAGE_BYTES - within as usize);
            let (now, later) = rest.split_at_mut(bytes);
            let page = self.physical(at).map_err(|miss| miss.why)?;
            self.memory
                .read(page + within, now)
                .map_err(|gap| Unread::Gap { address: at, gap })?;
            at = at.wrapping_add(bytes as u64);
            rest = later;
        }
        Ok(())
    }

    /// A word at an address.
    pub(super) fn word(&self, address: u64) -> Result<u64, Unread> {
        let mut word = [0; 8];
        self.read(address, &mut word)?;
        Ok(u64::from_le_bytes(word))
    }

    /// Fills `out`; pages that cannot be read are zeros. Returns whether any could.
    pub(super) fn read_with_holes(&self, address: u64, out: &mut [u8]) -> bool {
        let mut is_any = false;
        let mut at = address;
        let mut rest = out;
        while !rest.is_empty() {
            let (bytes, is_read) = match self.physical(at) {
                Ok(page) => {
                    let bytes = rest.len().min(PAGE_BYTES - (at % PAGE) as usize);
                    let place = page + at % PAGE;
                    (bytes, self.memory.read(place, &mut rest[..bytes]).is_ok())
                }
                Err(miss) => {
                    let bytes = usize::try_from(miss.until.wrapping_sub(at));
                    (rest.len().min(bytes.unwrap_or(usize::MAX)), false)
                }
            };
            let (now, later) = rest.split_at_mut(bytes);
            if !is_read {
                now.fill(0);
            }
            is_any |= is_read;
            at = at.wrapping_add(bytes as u64);
            rest = later;
        }
        is_any
    }

    /// The physical address of the page that has an address.
    fn physical(&self, address: u64) -> Result<u64, Miss> {
        let page = address & !(PAGE - 1);
        let at = usize::try_from(address / PAGE % KEPT as u64).unwrap_or(0);
        let (kept, found) = self.kept.borrow()[at];
        if kept == page && page != 0 {
            return Ok(found);
        }
        let found = self.walk(page)?;
        self.kept.borrow_mut()[at] = (page, found);
        Ok(found)
    }

    fn walk(&self, page: u64) -> Result<u64, Miss> {
        let miss = |why, shift: u32| Miss {
            why,
            until: (page | ((1 << shift) - 1)).wrapping_add(1),
        };
        let used_bits = 12 + INDEX_BITS * self.root.levels;
        // The bits above are all as the highest that is used.
        if page.cast_signed() >> (used_bits - 1) != -1 {
            return Err(miss(Unread::NotMapped(page), 12));
        }
        let mut table = self.root.table;
        for level in (1..=self.root.levels).rev() {
            let shift = 12 + INDEX_BITS * (level - 1);
            let index = page >> shift & ((1 << INDEX_BITS) - 1);
            let mut entry = [0; 8];
            self.memory
                .read(table + index * 8, &mut entry)
                .map_err(|gap| miss(Unread::Gap { address: page, gap }, shift))?;
            let entry = u64::from_le_bytes(entry);
            if entry & PRESENT == 0 {
                return Err(miss(Unread::NotMapped(page), shift));
            }
            let is_huge = entry & HUGE != 0 && HUGE_LEVELS.contains(&level);
            if is_huge || level == 1 {
                let within = (1 << shift) - 1;
                return Ok(entry & ADDRESS & !within | page & within);
            }
            table = entry & ADDRESS;
        }
        Err(miss(Unread::NotMapped(page), 12))
    }
}

/// An address that leads to no page.
struct Miss {
    why: Unread,
    /// The first address behind it that may lead to one.
    until: u64,
}
