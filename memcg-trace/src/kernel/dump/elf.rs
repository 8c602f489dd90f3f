//! ELF dumps: of QEMU, of `/proc/vmcore` and of `makedumpfile -E`.

use std::ops::Range;

use super::errors::{Gap, Malformed};
use super::input::{Input, u16_at, u32_at, u64_at};

pub(super) const MAGIC: &[u8; 4] = b"\x7fELF";

const HEADER: &str = "the ELF header";
const SEGMENT: &str = "a program header";
/// Bytes of a program header, and of a section header.
const SEGMENT_BYTES: u64 = 56;
const SECTION_BYTES: u64 = 64;
/// The number of segments is in the first section header instead (`PN_XNUM`).
const IN_SECTION: u16 = 0xffff;
const MAX_SEGMENTS: u64 = 1 << 20;
const LOAD: u32 = 1;
const NOTE: u32 = 4;
/// Maximum size of the notes: some KiB for each of 8,192 CPUs.
const MAX_NOTE_BYTES: usize = 64 << 20;

/// The memory in an ELF dump.
pub(super) struct Elf {
    /// By address.
    segments: Vec<Segment>,
}

/// Memory that follows each other.
struct Segment {
    /// Physical addresses; from `held` on the pages are left out.
    begin: u64,
    held: u64,
    end: u64,
    /// The offset of the first byte in the file.
    offset: u64,
}

impl Elf {
    /// Reads the headers; returns the notes as well.
    pub(super) fn read(input: &Input) -> Result<(Self, Vec<u8>), Malformed> {
        let header = input.array::<64>(HEADER, 0)?;
        let (class, order) = (header[4], header[5]);
        let (kind, machine) = (u16_at(&header, 16), u16_at(&header, 18));
        if (class, order, machine) != (2, 1, 62) {
            let why = format!(
                "class {class}, byte order {order} and machine {machine}, where only x86-64 is \
                 supported"
            );
            return Err(Malformed::new(HEADER, 4, why));
        }
        if kind != 4 {
            let why = format!("a file of type {kind}, where a core dump has type 4");
            return Err(Malformed::new(HEADER, 16, why));
        }
        let first = u64_at(&header, 32);
        let mut count = u64::from(u16_at(&header, 56));
        if u16_at(&header, 56) == IN_SECTION {
            let section =
                input.bytes("a section header", u64_at(&header, 40), SECTION_BYTES, 64)?;
            count = u32_at(&section, 44).into();
        }
        if u64::from(u16_at(&header, 54)) != SEGMENT_BYTES || count > MAX_SEGMENTS {
            let why = format!(
                "{count} program headers of {} bytes each",
                u16_at(&header, 54)
            );
            return Err(Malformed::new(HEADER, 54, why));
        }
        let most = usize::try_from(MAX_SEGMENTS * SEGMENT_BYTES).unwrap_or(usize::MAX);
        let headers = input.bytes(SEGMENT, first, count * SEGMENT_BYTES, most)?;
        let (mut segments, mut notes) = (Vec::new(), Vec::new());
        for (header, at) in headers.chunks_exact(56).zip(0..) {
            let place = first + at * SEGMENT_BYTES;
            let (offset, bytes) = (u64_at(header, 8), u64_at(header, 32));
            match u32_at(header, 0) {
                LOAD => segments.extend(Segment::of(header, place, input.len())?),
                NOTE => {
                    let most = MAX_NOTE_BYTES.saturating_sub(notes.len());
                    notes.extend(input.bytes("the notes", offset, bytes, most)?);
                }
                _ => {}
            }
        }
        if segments.is_empty() {
            return Err(Malformed::new(SEGMENT, first, "none of memory"));
        }
        segments.sort_by_key(|segment| segment.begin);
        Ok((Self { segments }, notes))
    }

    /// Reads up to the end of `out`, or of what follows each other in the file; returns how many
    /// bytes that are.
    pub(super) fn read_some(
        &self,
        input: &Input,
        address: u64,
        out: &mut [u8],
    ) -> Result<usize, Gap> {
        let after = self.segments.partition_point(|one| one.begin <= address);
        let segment = after.checked_sub(1).and_then(|at| self.segments.get(at));
        let Some(segment) = segment.filter(|segment| address < segment.end) else {
            return Err(Gap::NoMemory);
        };
        if address >= segment.held {
            return Err(Gap::LeftOut);
        }
        let bytes = usize::try_from(segment.held - address).unwrap_or(usize::MAX);
        let bytes = bytes.min(out.len());
        let place = segment.offset + (address - segment.begin);
        input.read("a page", place, &mut out[..bytes])?;
        Ok(bytes)
    }

    /// The memory that the dump holds, by physical address.
    pub(super) fn held(&self) -> Vec<Range<u64>> {
        let held = self.segments.iter().map(|one| one.begin..one.held);
        held.filter(|range| !range.is_empty()).collect()
    }

    /// Bytes of the host's memory that the dump does not hold.
    pub(super) fn left_out_bytes(&self) -> u64 {
        let left_out = self.segments.iter().map(|one| one.end - one.held);
        left_out.fold(0, u64::saturating_add)
    }
}

impl Segment {
    fn of(header: &[u8], place: u64, file_bytes: u64) -> Result<Option<Self>, Malformed> {
        let (offset, begin) = (u64_at(header, 8), u64_at(header, 24));
        let (held, bytes) = (u64_at(header, 32), u64_at(header, 40));
        let end_in_file = offset.checked_add(held);
        if end_in_file.is_none_or(|end| end > file_bytes) {
            let why = format!(
                "{held} bytes at {offset:#x}, which end behind the end of the file, at \
                 {file_bytes:#x}: the file is cut off, or damaged"
            );
            return Err(Malformed::new(SEGMENT, place, why));
        }
        let end = begin.checked_add(bytes.max(held));
        let Some(end) = end else {
            let why = format!("{bytes} bytes of memory at {begin:#x}");
            return Err(Malformed::new(SEGMENT, place, why));
        };
        Ok((begin < end).then_some(Self {
            begin,
            held: begin + held,
            end,
            offset,
        }))
    }
}
