//! Descriptors of pages: the page of an address, and the number of references that neither
//! mappings, the page cache nor a migration list explain.

use memcg_trace_common::layout::HEAD_MASK;

use super::view::View;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;

/// Pages of 4 KiB in the largest folio (2 MiB).
const MAX_PAGES: u64 = 512;
const PAGE_SHIFT: u32 = 12;
/// In `page.mapping`: anonymous, or movable by a driver (include/linux/page-flags.h).
const MAPPING_FLAGS: u64 = 3;

/// The array of page descriptors.
pub(super) struct PageArray {
    vmemmap: u64,
    page_offset: u64,
    /// The number of the last page plus one.
    count: u64,
    bytes: u64,
    lru: u64,
}

impl PageArray {
    pub(super) fn of(view: &View<'_>) -> Result<Self, Unreadable> {
        let variable = |symbol| {
            let address = view.symbols.address(symbol);
            let absent = || Unreadable::Absent(view.symbols.no_address(symbol));
            view.reader.word_at(address.ok_or_else(absent)?)
        };
        Ok(Self {
            vmemmap: variable(Symbol::VmemmapBase)?,
            page_offset: variable(Symbol::PageOffsetBase)?,
            count: variable(Symbol::MaxPfn)?,
            bytes: view.reader.resolved.pages.bytes.max(1),
            lru: view.reader.offset(Field::PageLru)?,
        })
    }

    /// The page whose list link is at an address.
    pub(super) fn linked_at(&self, address: u64) -> Option<u64> {
        let page = address.wrapping_sub(self.lru);
        let offset = page.wrapping_sub(self.vmemmap);
        let is_page = offset.is_multiple_of(self.bytes) && offset / self.bytes < self.count;
        is_page.then_some(page)
    }

    pub(super) fn pfn(&self, page: u64) -> u64 {
        (page - self.vmemmap) / self.bytes
    }

    /// The first page of the folio that a kernel address is in, and the address where that page
    /// starts.
    pub(super) fn head_of(&self, view: &View<'_>, address: u64) -> Option<(u64, u64)> {
        /// Set in a page that is not the first.
        const TAIL: u64 = 1;
        let pfn = address.checked_sub(self.page_offset)? >> PAGE_SHIFT;
        if pfn >= self.count {
            return None;
        }
        let page = self.vmemmap + pfn * self.bytes;
        let word = view.reader.word(page, Field::PageHead).ok()?;
        let first = if word & TAIL == 0 {
            page
        } else if view.reader.resolved.layout.head_shape == HEAD_MASK && word >> 32 == 0xffff_ffff {
            page & (word & !TAIL)
        } else {
            word & !TAIL
        };
        let begin = self.page_offset + (self.pfn(first) << PAGE_SHIFT);
        (begin <= address).then_some((first, begin))
    }

    /// The folio that begins with a page.
    pub(super) fn folio(&self, view: &View<'_>, page: u64) -> Result<Folio<'_>, Unreadable> {
        let marks = &view.reader.resolved.pages;
        let is_large = view.reader.word(page, Field::PageFlags)? & marks.head != 0;
        // Before folios, fields of the second page have their offsets within that page.
        let second = if marks.nr_pages_in_second {
            page.wrapping_add(self.bytes)
        } else {
            page
        };
        let count = if is_large {
            let count = view.reader.word(second, Field::PageNrPages)?;
            count.clamp(1, MAX_PAGES)
        } else {
            1
        };
        Ok(Folio {
            pages: self,
            page,
            second,
            is_large,
            count,
        })
    }
}

/// A folio: one page, or several that the kernel handles as one.
pub(super) struct Folio<'a> {
    pages: &'a PageArray,
    page: u64,
    second: u64,
    is_large: bool,
    count: u64,
}

impl Folio<'_> {
    /// Returns whether a word is the descriptor of one of the pages, or an address in their memory.
    pub(super) fn has(&self, word: u64) -> bool {
        let begin = self.pages.pfn(self.page) << PAGE_SHIFT;
        let begin = self.pages.page_offset.wrapping_add(begin);
        // The next byte to write may be just past the end.
        word.wrapping_sub(self.page) < self.count * self.pages.bytes
            || word.wrapping_sub(begin) <= self.count << PAGE_SHIFT
    }

    /// Returns whether the page with number `pfn` is one of its pages.
    pub(super) fn has_page(&self, pfn: u64) -> bool {
        pfn.wrapping_sub(self.pages.pfn(self.page)) < self.count
    }

    /// References other than those of mappings, of the page cache and of the list that the folio is
    /// on. `None` if they changed while they were counted.
    pub(super) fn unexplained_refs(&self, view: &View<'_>) -> Option<u64> {
        let refs = view.reader.word(self.page, Field::PageRefcount).ok()?;
        let maps = self.maps(view)?;
        let mapping = view.reader.word(self.page, Field::PageMapping).ok()?;
        let cached = if mapping != 0 && mapping & MAPPING_FLAGS == 0 {
            self.count
        } else {
            0
        };
        let again = view.reader.word(self.page, Field::PageRefcount).ok()?;
        (again == refs).then(|| refs.saturating_sub(maps + cached + 1))
    }

    /// The number of mappings of all its pages together.
    fn maps(&self, view: &View<'_>) -> Option<u64> {
        // The kernel's counts start at -1.
        let count = |word: u64| word.wrapping_add(1) & 0xffff_ffff;
        let reader = view.reader;
        if !self.is_large {
            return reader.word(self.page, Field::PageMapcount).ok().map(count);
        }
        if let Ok(all) = reader.word(self.page, Field::FolioMapcount) {
            return Some(count(all));
        }
        let entire = reader.word(self.second, Field::FolioEntireMapcount).ok()?;
        let each: Vec<_> = (0..self.count)
            .map(|page| self.page + page * self.pages.bytes)
            .collect();
        let each = reader.column(&each, Field::PageMapcount).ok()?;
        let each: Option<u64> = each.into_iter().map(|maps| maps.map(count)).sum();
        Some(count(entire) + each?)
    }
}
