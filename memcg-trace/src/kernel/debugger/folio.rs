//! Folios, as the `struct page` of their first page describes them.

use std::ops::Range;

use zerocopy::FromBytes as _;

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::layout::fields::Field;

/// Bytes of a `struct page`. The second one of a folio has the folio's number of pages.
pub(crate) const DESCRIPTOR_BYTES: usize = 64;

/// A `struct page` word by word.
pub(crate) type Words = [u64; DESCRIPTOR_BYTES / 8];

/// The word of a page with the byte `at`.
fn word(page: &Words, at: usize) -> u64 {
    page[at / 8 % page.len()]
}

/// Hands the descriptors of a step of pages to `look`, without a copy; `look` must not call back
/// into [`Reader`]. `vmemmap` is the start of the array of all descriptors, which has holes where
/// memory has.
pub(crate) fn descriptors<T>(
    reader: &Reader<'_>,
    vmemmap: u64,
    pfns: &Range<u64>,
    look: impl FnOnce(&[Words]) -> T,
) -> Result<T, Unreadable> {
    let address = vmemmap + pfns.start * DESCRIPTOR_BYTES as u64;
    let pages = usize::try_from(pfns.end - pfns.start).unwrap_or(0);
    let view = |bytes: &[u8]| {
        // Memory is always aligned; otherwise `look` gets an empty slice.
        look(<[Words]>::ref_from_bytes(bytes).unwrap_or_default())
    };
    reader.memory.view(address, pages * DESCRIPTOR_BYTES, view)
}

/// A folio, by its first page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folio {
    /// Address of its first descriptor.
    pub(crate) page: u64,
    pub(crate) flags: u64,
    pub(crate) page_type: u32,
    pub(crate) data: u64,
    pub(crate) mapping: u64,
    /// Index of the first page in its mapping.
    pub(crate) index: u64,
    /// `_refcount`.
    pub(crate) refs: u64,
    pub(crate) pages: u64,
    pub(crate) swapbacked: bool,
    /// Whether reclaim skips it.
    pub(crate) unevictable: bool,
}

/// Offsets of the words that describe a folio.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FolioPlaces {
    flags: usize,
    page_type: usize,
    data: usize,
    mapping: usize,
    index: usize,
    refs: usize,
    pages: usize,
    /// The word that leads from any other page of a folio to the first.
    first: usize,
    head: u64,
    swapbacked: u64,
    unevictable: u64,
}

impl FolioPlaces {
    pub(crate) fn of(reader: &Reader<'_>) -> Result<Self, Unreadable> {
        let place = |field| {
            let offset = reader.offset(field)?;
            usize::try_from(offset).map_err(|_| Unreadable::Fault(offset))
        };
        let marks = &reader.resolved.pages;
        let second = if marks.nr_pages_in_second {
            DESCRIPTOR_BYTES
        } else {
            0
        };
        let places = Self {
            flags: place(Field::PageFlags)?,
            page_type: place(Field::PageType)?,
            data: place(Field::PageMemcgData)?,
            mapping: place(Field::PageMapping)?,
            index: place(Field::PageIndex)?,
            refs: place(Field::PageRefcount)?,
            pages: place(Field::PageNrPages)? + second,
            first: place(Field::PageHead)?,
            head: marks.head,
            swapbacked: marks.swapbacked,
            unevictable: marks.unevictable,
        };
        let fits = |at: usize| at + 8 <= DESCRIPTOR_BYTES;
        let words = [
            places.flags,
            places.data,
            places.mapping,
            places.page_type,
            places.first,
            places.index,
            places.refs,
        ];
        if marks.bytes == DESCRIPTOR_BYTES as u64
            && words.into_iter().all(fits)
            && places.pages + 4 <= 2 * DESCRIPTOR_BYTES
        {
            Ok(places)
        } else {
            Err(Unreadable::Absent(
                "struct page: unsupported layout".to_owned(),
            ))
        }
    }

    /// The three words with the kind and the owner of a page: flags, type and owner. They are most
    /// of the work in a walk of all pages; [`Self::of`] checked that they are within the page.
    pub(crate) fn words(&self, page: &Words) -> (u64, u32, u64) {
        let halves = word(page, self.page_type);
        (
            word(page, self.flags),
            (halves >> (self.page_type % 8 * 8)) as u32,
            word(page, self.data),
        )
    }

    /// Whether a page is not the first of its folio: such a page has little data of its own.
    pub(crate) fn is_tail(&self, page: &Words) -> bool {
        word(page, self.first) & 1 != 0
    }

    /// Reads a folio from the bytes of its first page, whose address is `page`, and of its second,
    /// if there is one.
    pub(crate) fn folio(&self, page: u64, bytes: &[u8]) -> Folio {
        let word = |at| number(bytes, at, 8);
        let half = |at| number(bytes, at, 4);
        Folio {
            page,
            flags: word(self.flags),
            page_type: half(self.page_type) as u32,
            data: word(self.data),
            mapping: word(self.mapping),
            index: word(self.index),
            refs: half(self.refs),
            pages: self.pages(bytes),
            swapbacked: word(self.flags) & self.swapbacked != 0,
            unevictable: word(self.flags) & self.unevictable != 0,
        }
    }

    /// The number of pages of the folio that begins with these bytes.
    pub(crate) fn pages(&self, bytes: &[u8]) -> u64 {
        if number(bytes, self.flags, 8) & self.head == 0 {
            1
        } else {
            number(bytes, self.pages, 4).max(1)
        }
    }
}

/// A number of `size` bytes, at most eight; 0 if it exceeds `bytes`.
fn number(bytes: &[u8], at: usize, size: usize) -> u64 {
    let mut number = [0; 8];
    if let Some(found) = bytes.get(at..at + size) {
        number[..size].copy_from_slice(found);
    }
    u64::from_ne_bytes(number)
}
