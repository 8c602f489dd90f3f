//! The bytes of a dump's file, by their offset; a flattened file is put in order.

use std::path::Path;

use super::errors::Malformed;
use super::flattened::{self, Pieces};
use super::plain_file::PlainFile;

/// A dump's file. What it says of itself is not trusted: each read is within bounds, and no memory
/// is taken for sizes that it claims.
pub(super) struct Input {
    file: PlainFile,
    /// The places of the bytes in a flattened file; `None` if they are in order.
    pieces: Option<Pieces>,
    bytes: u64,
}

impl Input {
    /// Opens a file.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = PlainFile::open(path)?;
        let pieces = flattened::is_flattened(&file)
            .then(|| Pieces::read(&file))
            .transpose()?;
        Ok(Self {
            bytes: pieces.as_ref().map_or(file.bytes, Pieces::end),
            file,
            pieces,
        })
    }

    /// The number of bytes.
    pub(super) fn len(&self) -> u64 {
        self.bytes
    }

    /// Returns whether the file is flattened.
    pub(super) fn is_flattened(&self) -> bool {
        self.pieces.is_some()
    }

    /// Fills `out` with the bytes at `offset`, which are part of `what`.
    pub(super) fn read(
        &self,
        what: &'static str,
        offset: u64,
        out: &mut [u8],
    ) -> Result<(), Malformed> {
        let end = offset.checked_add(out.len() as u64);
        if end.is_none_or(|end| end > self.bytes) {
            let why = format!(
                "it ends behind the end of the file, at {:#x}: the file is cut off, or damaged",
                self.bytes
            );
            return Err(Malformed::new(what, offset, why));
        }
        let mut at = offset;
        let mut rest = out;
        while !rest.is_empty() {
            let (place, bytes) = match &self.pieces {
                None => (at, rest.len()),
                Some(pieces) => {
                    let (place, bytes) = pieces
                        .find(at)
                        .ok_or_else(|| Malformed::new(what, at, "the file has no such part"))?;
                    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                    (place, bytes.min(rest.len()))
                }
            };
            let (now, later) = rest.split_at_mut(bytes);
            self.file.read(what, place, now)?;
            at += bytes as u64;
            rest = later;
        }
        Ok(())
    }

    /// The bytes at `offset`; at most `most`.
    pub(super) fn bytes(
        &self,
        what: &'static str,
        offset: u64,
        bytes: u64,
        most: usize,
    ) -> Result<Vec<u8>, Malformed> {
        let wanted = usize::try_from(bytes).ok().filter(|bytes| *bytes <= most);
        let Some(wanted) = wanted else {
            let why = format!("{bytes} bytes, where at most {most} are expected");
            return Err(Malformed::new(what, offset, why));
        };
        // Before memory is taken for it.
        if offset.checked_add(bytes).is_none_or(|end| end > self.bytes) {
            self.read(what, self.bytes, &mut [0])?;
        }
        let mut found = vec![0; wanted];
        self.read(what, offset, &mut found)?;
        Ok(found)
    }

    /// The N bytes at `offset`.
    pub(super) fn array<const N: usize>(
        &self,
        what: &'static str,
        offset: u64,
    ) -> Result<[u8; N], Malformed> {
        let mut found = [0; N];
        self.read(what, offset, &mut found)?;
        Ok(found)
    }
}

/// A number in the first bytes of `bytes` behind `at`; 0 behind their end.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk());
    found.map_or(0, |found| u16::from_le_bytes(*found))
}

/// As [`u16_at`].
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk());
    found.map_or(0, |found| u32::from_le_bytes(*found))
}

/// As [`u16_at`].
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk());
    found.map_or(0, |found| u64::from_le_bytes(*found))
}
