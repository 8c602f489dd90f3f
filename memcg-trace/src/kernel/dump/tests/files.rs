//! Dumps of a made-up kernel, in each format.

use super::kernel::Kernel;
use crate::kernel::dump::pages::{PAGE, PAGE_BYTES};

/// The algorithm by which a page of a kdump file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packed {
    Plain,
    Zlib,
    Lzo,
    Snappy,
    Zstd,
}

impl Packed {
    pub(super) const ALL: [Self; 5] =
        [Self::Plain, Self::Zlib, Self::Lzo, Self::Snappy, Self::Zstd];

    fn pack(self, page: &[u8]) -> (u32, Vec<u8>) {
        match self {
            Self::Plain => (0, page.to_vec()),
            Self::Zlib => (1, miniz_oxide::deflate::compress_to_vec_zlib(page, 1)),
            Self::Lzo => (2, lzo(page)),
            Self::Snappy => (4, snap::raw::Encoder::new().compress_vec(page).unwrap()),
            Self::Zstd => (0x20, zstd::bulk::compress(page, 1).unwrap()),
        }
    }
}

/// One run of a page's bytes as they are, and the end.
fn lzo(page: &[u8]) -> Vec<u8> {
    let run = page.len() - 18;
    let mut packed = vec![0; 1 + run / 255];
    packed.push(u8::try_from(run % 255).unwrap());
    packed.extend_from_slice(page);
    packed.extend_from_slice(&[0x11, 0, 0]);
    packed
}

fn put(file: &mut Vec<u8>, at: u64, bytes: &[u8]) {
    let at = usize::try_from(at).unwrap();
    if file.len() < at + bytes.len() {
        file.resize(at + bytes.len(), 0);
    }
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

fn note(kernel: &Kernel) -> Vec<u8> {
    let text = &kernel.vmcoreinfo;
    let mut note = Vec::new();
    for word in [11, text.len() as u32, 0] {
        note.extend_from_slice(&word.to_le_bytes());
    }
    note.extend_from_slice(b"VMCOREINFO\0\0");
    note.extend_from_slice(text);
    note
}

/// An ELF dump, with program headers behind a gap, as QEMU writes them. Of the last page only
/// `kept` bytes are in the file. Without `has_note`, VMCOREINFO is in memory only.
pub(super) fn elf(kernel: &Kernel, has_note: bool, kept: usize) -> Vec<u8> {
    const HEADERS: u64 = 192;
    let notes = if has_note { note(kernel) } else { Vec::new() };
    let mut file = Vec::new();
    put(&mut file, 0, b"\x7fELF\x02\x01\x01");
    put(&mut file, 16, &[4, 0, 62, 0, 1]);
    put(&mut file, 32, &HEADERS.to_le_bytes());
    put(&mut file, 54, &56_u16.to_le_bytes());
    let count = u16::try_from(kernel.pages.len() + 1).unwrap();
    put(&mut file, 56, &count.to_le_bytes());
    let begin = HEADERS + u64::from(count) * 56;
    let mut segment = |at: u64, kind: u32, offset: u64, address: u64, held: u64, bytes: u64| {
        let at = HEADERS + at * 56;
        put(&mut file, at, &kind.to_le_bytes());
        for (word, value) in [(8, offset), (24, address), (32, held), (40, bytes)] {
            put(&mut file, at + word, &value.to_le_bytes());
        }
    };
    segment(0, 4, begin, 0, notes.len() as u64, 0);
    let mut offset = begin + notes.len() as u64;
    let last = kernel.pages.len() as u64;
    for (number, at) in kernel.pages.keys().zip(1..) {
        let held = if at == last { kept as u64 } else { PAGE };
        segment(at, 1, offset, number * PAGE, held, PAGE);
        offset += held;
    }
    put(&mut file, begin, &notes);
    for page in kernel.pages.values() {
        file.extend_from_slice(page);
    }
    file.truncate(usize::try_from(offset).unwrap());
    file
}

/// A kdump file, without the pages whose numbers are `left_out`.
pub(super) fn kdump(kernel: &Kernel, packed: Packed, left_out: &[u64]) -> Vec<u8> {
    const BITMAPS: u64 = 2 * PAGE;
    const DESCRIPTORS: u64 = BITMAPS + 2 * PAGE;
    let mut file = Vec::new();
    put(&mut file, 0, b"KDUMP   \x06");
    for (at, word) in [(428, 4096), (432, 1), (436, 2), (440, 0x1000)] {
        put(&mut file, at, &u32::to_le_bytes(word));
    }
    let notes = note(kernel);
    let end = *kernel.pages.keys().next_back().unwrap() + 1;
    put(&mut file, PAGE + 8, &31_u32.to_le_bytes());
    put(&mut file, PAGE + 48, &(PAGE + 512).to_le_bytes());
    put(&mut file, PAGE + 56, &(notes.len() as u64).to_le_bytes());
    put(&mut file, PAGE + 96, &end.to_le_bytes());
    put(&mut file, PAGE + 512, &notes);
    let dumped = kernel
        .pages
        .iter()
        .filter(|(number, _)| !left_out.contains(number));
    let mut data = DESCRIPTORS + 24 * kernel.pages.len() as u64;
    for ((number, page), rank) in dumped.zip(0..) {
        let (flags, packed) = packed.pack(page);
        let at = DESCRIPTORS + rank * 24;
        put(&mut file, at, &data.to_le_bytes());
        put(&mut file, at + 8, &(packed.len() as u32).to_le_bytes());
        put(&mut file, at + 12, &flags.to_le_bytes());
        put(&mut file, data, &packed);
        data += packed.len() as u64;
        set(&mut file, BITMAPS + PAGE, *number);
    }
    for number in kernel.pages.keys() {
        set(&mut file, BITMAPS, *number);
    }
    file
}

fn set(file: &mut [u8], bitmap: u64, number: u64) {
    file[usize::try_from(bitmap + number / 8).unwrap()] |= 1 << (number % 8);
}

/// A flattened file, in pieces that go back and overwrite each other.
pub(super) fn flattened(file: &[u8]) -> Vec<u8> {
    let mut flat = b"makedumpfile\0\0\0\0".to_vec();
    flat.extend_from_slice(&1_u64.to_be_bytes());
    flat.extend_from_slice(&1_u64.to_be_bytes());
    flat.resize(PAGE_BYTES, 0);
    let mut piece = |offset: i64, bytes: i64, data: &[u8]| {
        flat.extend_from_slice(&offset.to_be_bytes());
        flat.extend_from_slice(&bytes.to_be_bytes());
        flat.extend_from_slice(data);
    };
    // Wrong at first, and then overwritten.
    piece(100, 1000, &[0xaa; 1000]);
    let parts: Vec<_> = file.chunks(5000).zip(0..).collect();
    for (part, at) in parts.into_iter().rev() {
        piece(at * 5000, i64::try_from(part.len()).unwrap(), part);
    }
    piece(-1, -1, &[]);
    flat
}
