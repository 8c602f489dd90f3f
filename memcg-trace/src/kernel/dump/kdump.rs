//! kdump-compressed dumps, as makedumpfile and QEMU write them (makedumpfile: diskdump_mod.h,
//! IMPLEMENTATION).

use std::cell::RefCell;
use std::ops::Range;

use super::compressed::unpack;
use super::errors::{Gap, Malformed};
use super::input::{Input, u32_at, u64_at};
use super::page_cache::PageCache;
use super::pages::{PAGE, PAGE_BYTES};

pub(super) const MAGIC: &[u8; 8] = b"KDUMP   ";

const HEADER: &str = "the kdump header";
const SUB_HEADER: &str = "the kdump sub header";
const BITMAP: &str = "a bitmap of pages";
const DESCRIPTOR: &str = "a page descriptor";
const DESCRIPTOR_BYTES: u64 = 24;
/// The dump was cut off for want of room (`DUMP_DH_COMPRESSED_INCOMPLETE`).
const INCOMPLETE: u32 = 8;
/// Maximum size of the notes: some KiB for each of 8,192 CPUs.
const MAX_NOTE_BYTES: usize = 64 << 20;
/// Pages whose number of dumped ones is kept, and the bytes of their bits.
const GROUP_PAGES: u64 = 4096;
const GROUP_BYTES: usize = GROUP_PAGES as usize / 8;

/// The pages in a kdump file.
pub(super) struct Kdump {
    /// Offsets in the file.
    ram_bitmap: u64,
    dumped_bitmap: u64,
    descriptors: u64,
    /// Page frame numbers are below.
    pages: u64,
    /// The number of dumped pages before each group of pages.
    ranks: Vec<u64>,
    cache: RefCell<PageCache>,
    /// The level of pages that the tool left out (makedumpfile(8), `-d`).
    pub(super) dump_level: u32,
}

impl Kdump {
    /// Reads the headers; returns the notes as well.
    pub(super) fn read(input: &Input) -> Result<(Self, Vec<u8>), Malformed> {
        let header = input.array::<464>(HEADER, 0)?;
        let version = u32_at(&header, 8);
        let (status, block) = (u32_at(&header, 424), u32_at(&header, 428));
        if u64::from(block) != PAGE {
            let why = format!("blocks of {block} bytes, where {PAGE} are supported");
            return Err(Malformed::new(HEADER, 428, why));
        }
        if status & INCOMPLETE != 0 {
            let why = "the tool that made the dump marked it as incomplete";
            return Err(Malformed::new(HEADER, 424, why));
        }
        let (sub_header_blocks, bitmap_blocks) = (u32_at(&header, 432), u32_at(&header, 436));
        let sub = input.array::<104>(SUB_HEADER, PAGE)?;
        if u32_at(&sub, 12) != 0 {
            let why = "one of the parts of a dump that was split, which are not supported";
            return Err(Malformed::new(SUB_HEADER, PAGE + 12, why));
        }
        let pages = match version {
            6.. => u64_at(&sub, 96),
            _ => u32_at(&header, 440).into(),
        };
        let bitmaps = (1 + u64::from(sub_header_blocks)) * PAGE;
        let bitmap_bytes = u64::from(bitmap_blocks) * PAGE;
        let each = bitmap_bytes / 2;
        if bitmaps + bitmap_bytes > input.len() || pages.div_ceil(8) > each {
            let why = format!(
                "{pages} pages and {bitmap_blocks} blocks of bitmaps in a file of {} bytes",
                input.len()
            );
            return Err(Malformed::new(HEADER, 436, why));
        }
        let notes = input.bytes(
            "the notes",
            u64_at(&sub, 48),
            u64_at(&sub, 56),
            MAX_NOTE_BYTES,
        )?;
        let kdump = Self {
            ram_bitmap: bitmaps,
            dumped_bitmap: bitmaps + each,
            descriptors: bitmaps + bitmap_bytes,
            pages,
            ranks: ranks(input, bitmaps + each, pages)?,
            cache: RefCell::default(),
            dump_level: u32_at(&sub, 8),
        };
        let dumped = kdump.dumped_pages();
        let end = dumped
            .checked_mul(DESCRIPTOR_BYTES)
            .and_then(|bytes| bytes.checked_add(kdump.descriptors));
        if end.is_none_or(|end| end > input.len()) {
            let why = format!("{dumped} of them, which end behind the end of the file: cut off?");
            return Err(Malformed::new(DESCRIPTOR, kdump.descriptors, why));
        }
        Ok((kdump, notes))
    }

    /// Reads up to the end of `out` or of a page; returns how many bytes that are.
    pub(super) fn read_some(
        &self,
        input: &Input,
        address: u64,
        out: &mut [u8],
    ) -> Result<usize, Gap> {
        let (number, within) = (address / PAGE, (address % PAGE) as usize);
        let bytes = out.len().min(PAGE_BYTES - within);
        let mut cache = self.cache.borrow_mut();
        let page = cache.get(number, |page| self.read_page(input, number, page))?;
        out[..bytes].copy_from_slice(&page[within..within + bytes]);
        Ok(bytes)
    }

    fn read_page(&self, input: &Input, number: u64, page: &mut [u8]) -> Result<(), Gap> {
        if number >= self.pages {
            return Err(Gap::NoMemory);
        }
        let mut group = [0; GROUP_BYTES];
        let begin = number / GROUP_PAGES * GROUP_PAGES;
        let until = (number - begin) / 8 + 1;
        let group = &mut group[..usize::try_from(until).unwrap_or(GROUP_BYTES)];
        input.read(BITMAP, self.dumped_bitmap + begin / 8, group)?;
        let (last, before) = group.split_last().unwrap_or((&0, &[]));
        let bit = number % 8;
        if last >> bit & 1 == 0 {
            let ram = input.array::<1>(BITMAP, self.ram_bitmap + number / 8)?;
            let is_ram = ram[0] >> bit & 1 != 0;
            return Err(if is_ram { Gap::LeftOut } else { Gap::NoMemory });
        }
        let in_group = ones(before) + u64::from((last & ((1 << bit) - 1)).count_ones());
        let group = usize::try_from(number / GROUP_PAGES).unwrap_or(usize::MAX);
        let rank = self.ranks.get(group).copied().unwrap_or(0) + in_group;
        let place = self.descriptors + rank * DESCRIPTOR_BYTES;
        let descriptor = input.array::<24>(DESCRIPTOR, place)?;
        let (offset, bytes) = (u64_at(&descriptor, 0), u32_at(&descriptor, 8));
        // A page that does not shrink is kept as it is.
        let packed = input.bytes("a page", offset, bytes.into(), 2 * PAGE_BYTES)?;
        unpack(u32_at(&descriptor, 12), &packed, page)
            .map_err(|why| Malformed::new("a page", offset, why))?;
        Ok(())
    }

    fn dumped_pages(&self) -> u64 {
        self.ranks.last().copied().unwrap_or(0)
    }

    /// Memory of which the dump holds some, by physical address.
    pub(super) fn held(&self) -> Vec<Range<u64>> {
        let groups = self.ranks.windows(2).zip(0..);
        let held = groups.filter(|(ranks, _)| ranks[0] != ranks[1]);
        held.map(|(_, group)| {
            let begin = group * GROUP_PAGES;
            begin * PAGE..(begin + GROUP_PAGES).min(self.pages) * PAGE
        })
        .collect()
    }

    /// Bytes of the host's memory that the dump does not hold.
    pub(super) fn left_out_bytes(&self, input: &Input) -> Result<u64, Malformed> {
        let ram = ranks(input, self.ram_bitmap, self.pages)?;
        let ram = ram.last().copied().unwrap_or(0);
        Ok(ram.saturating_sub(self.dumped_pages()) * PAGE)
    }
}

/// The number of ones before each group of a bitmap, and in the whole of it.
fn ranks(input: &Input, bitmap: u64, pages: u64) -> Result<Vec<u64>, Malformed> {
    let mut ranks = Vec::new();
    let mut sum = 0;
    let mut group = [0; GROUP_BYTES];
    let mut begin = 0;
    while begin < pages {
        let bytes = (pages - begin).min(GROUP_PAGES).div_ceil(8);
        let group = &mut group[..usize::try_from(bytes).unwrap_or(GROUP_BYTES)];
        input.read(BITMAP, bitmap + begin / 8, group)?;
        ranks.push(sum);
        sum += ones(group);
        begin += GROUP_PAGES;
    }
    ranks.push(sum);
    Ok(ranks)
}

fn ones(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(byte.count_ones())).sum()
}
