//! Folios as their first page says them, summed up by what they belong to.
//!
//! A folio is charged to a memcg as one reference, however many pages it has.

use std::collections::HashMap;

use crate::kernel::layout::fields::Field;
use crate::kernel::layout::pages::DATA_FLAGS;
use crate::kernel::memory::Unreadable;
use crate::kernel::reader::Reader;

/// A folio and the page behind it, which knows how many pages it has.
pub(super) const PAGE_BYTES: usize = 64;

/// A `struct page` word by word.
pub(super) type Words = [u64; PAGE_BYTES / 8];

/// The word of a page in which the byte `at` is.
pub(super) fn word(page: &Words, at: usize) -> u64 {
    page[at / 8 % page.len()]
}

/// Folios, by what they belong to.
#[derive(Debug, Default)]
pub(super) struct Folios {
    /// By `page.mapping`, with its low bits.
    pub(super) by_mapping: HashMap<u64, Group>,
    /// Where a bound ended the count.
    pub(super) truncated_at: Option<u64>,
}

/// Folios of one file, or of one `anon_vma`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Group {
    pub(super) refs: u64,
    pub(super) pages: u64,
    pub(super) swapbacked: bool,
}

impl Folios {
    pub(super) fn refs(&self) -> u64 {
        self.by_mapping.values().map(|group| group.refs).sum()
    }

    pub(super) fn add(&mut self, folio: Folio) {
        let group = self.by_mapping.entry(folio.mapping).or_default();
        group.refs += 1;
        group.pages += folio.pages;
        group.swapbacked |= folio.swapbacked;
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (mapping, group) in other.by_mapping {
            let ours = self.by_mapping.entry(mapping).or_default();
            ours.refs += group.refs;
            ours.pages += group.pages;
            ours.swapbacked |= group.swapbacked;
        }
        self.truncated_at = self.truncated_at.or(other.truncated_at);
    }
}

/// One folio, as its first page says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Folio {
    pub(super) flags: u64,
    pub(super) page_type: u32,
    pub(super) data: u64,
    pub(super) mapping: u64,
    pub(super) pages: u64,
    swapbacked: bool,
}

/// Where the words are that say it.
#[derive(Clone, Copy, Debug)]
pub(super) struct FolioPlaces {
    flags: usize,
    page_type: usize,
    data: usize,
    mapping: usize,
    pages: usize,
    head: u64,
    swapbacked: u64,
}

impl FolioPlaces {
    pub(super) fn of(reader: &Reader<'_>) -> Result<Self, Unreadable> {
        let place = |field| {
            let offset = reader.offset(field)?;
            usize::try_from(offset).map_err(|_| Unreadable::Fault(offset))
        };
        let marks = &reader.resolved.pages;
        let second = if marks.nr_pages_in_second {
            PAGE_BYTES
        } else {
            0
        };
        let places = Self {
            flags: place(Field::PageFlags)?,
            page_type: place(Field::PageType)?,
            data: place(Field::PageMemcgData)?,
            mapping: place(Field::PageMapping)?,
            pages: place(Field::PageNrPages)? + second,
            head: marks.head,
            swapbacked: marks.swapbacked,
        };
        let fits = |at: usize| at + 8 <= PAGE_BYTES;
        let words = [places.flags, places.data, places.mapping, places.page_type];
        if marks.bytes == PAGE_BYTES as u64
            && words.into_iter().all(fits)
            && places.pages + 4 <= 2 * PAGE_BYTES
        {
            Ok(places)
        } else {
            Err(Unreadable::Absent(
                "struct page: unsupported layout".to_owned(),
            ))
        }
    }

    /// The three words that say what a page is and whose: flags, type and owner. In the walk of
    /// all pages this is most of the work; [`Self::of`] made sure that they are inside.
    pub(super) fn words(&self, page: &Words) -> (u64, u32, u64) {
        let halves = word(page, self.page_type);
        (
            word(page, self.flags),
            (halves >> (self.page_type % 8 * 8)) as u32,
            word(page, self.data),
        )
    }

    /// Reads it from the bytes of its first page and, if there are more, its second.
    pub(super) fn folio(&self, bytes: &[u8]) -> Folio {
        let word = |at: usize| {
            let word = bytes.get(at..at + 8).and_then(|word| word.try_into().ok());
            u64::from_ne_bytes(word.unwrap_or_default())
        };
        let half = |at: usize| {
            let half = bytes.get(at..at + 4).and_then(|half| half.try_into().ok());
            u32::from_ne_bytes(half.unwrap_or_default())
        };
        let flags = word(self.flags);
        let pages = if flags & self.head == 0 {
            1
        } else {
            half(self.pages).max(1)
        };
        Folio {
            flags,
            page_type: half(self.page_type),
            data: word(self.data),
            mapping: word(self.mapping),
            pages: u64::from(pages),
            swapbacked: flags & self.swapbacked != 0,
        }
    }
}

/// Whose a page is, by its owner word.
#[derive(Debug, Default)]
pub(super) struct Owners {
    by_objcg: HashMap<u64, u64>,
}

impl Owners {
    /// The memcg that the owner word of a folio on a list means.
    pub(super) fn memcg(&mut self, reader: &Reader<'_>, data: u64) -> Result<u64, Unreadable> {
        let owner = data & !DATA_FLAGS;
        if !reader.resolved.pages.owner_is_objcg {
            return Ok(owner);
        }
        self.of_objcg(reader, owner)
    }

    /// The memcg that an object cgroup belongs to now.
    pub(super) fn of_objcg(&mut self, reader: &Reader<'_>, objcg: u64) -> Result<u64, Unreadable> {
        if let Some(memcg) = self.by_objcg.get(&objcg) {
            return Ok(*memcg);
        }
        let memcg = reader.word(objcg, Field::ObjcgMemcg)?;
        self.by_objcg.insert(objcg, memcg);
        Ok(memcg)
    }
}
