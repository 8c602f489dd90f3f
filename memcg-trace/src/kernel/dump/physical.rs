//! The memory of a host by physical address, whatever the format of its dump.

use std::ops::Range;
use std::path::Path;

use anyhow::bail;

use super::elf::{self, Elf};
use super::errors::{Gap, Malformed};
use super::input::Input;
use super::kdump::{self, Kdump};
use super::notes::Notes;

/// The memory in a dump.
pub(super) struct Physical {
    input: Input,
    format: Format,
}

enum Format {
    Elf(Elf),
    Kdump(Kdump),
}

impl Physical {
    /// Opens a dump; returns its notes as well.
    pub(super) fn open(path: &Path) -> anyhow::Result<(Self, Notes)> {
        let input = Input::open(path)?;
        let magic = input.array::<8>("the signature", 0)?;
        let (format, notes) = if magic.starts_with(elf::MAGIC) {
            let (elf, notes) = Elf::read(&input)?;
            (Format::Elf(elf), notes)
        } else if magic == *kdump::MAGIC {
            let (kdump, notes) = Kdump::read(&input)?;
            (Format::Kdump(kdump), notes)
        } else {
            bail!("neither an ELF dump nor a kdump file: it begins with {magic:02x?}");
        };
        let notes = Notes::parse(&notes);
        Ok((Self { input, format }, notes))
    }

    /// Fills `out` with the bytes at a physical address.
    pub(super) fn read(&self, address: u64, mut out: &mut [u8]) -> Result<(), Gap> {
        let mut at = address;
        while !out.is_empty() {
            let bytes = match &self.format {
                Format::Elf(elf) => elf.read_some(&self.input, at, out)?,
                Format::Kdump(kdump) => kdump.read_some(&self.input, at, out)?,
            };
            at = at.wrapping_add(bytes as u64);
            out = &mut out[bytes..];
        }
        Ok(())
    }

    /// Memory of which the dump holds some.
    pub(super) fn held(&self) -> Vec<Range<u64>> {
        match &self.format {
            Format::Elf(elf) => elf.held(),
            Format::Kdump(kdump) => kdump.held(),
        }
    }

    /// The kind of dump, for people.
    pub(super) fn kind(&self) -> &'static str {
        match (&self.format, self.input.is_flattened()) {
            (Format::Elf(_), false) => "ELF",
            (Format::Elf(_), true) => "ELF, flattened",
            (Format::Kdump(_), false) => "kdump-compressed",
            (Format::Kdump(_), true) => "kdump-compressed, flattened",
        }
    }

    /// The level of pages that the tool which made the dump left out, where the dump says so.
    pub(super) fn dump_level(&self) -> Option<u32> {
        match &self.format {
            Format::Elf(_) => None,
            Format::Kdump(kdump) => Some(kdump.dump_level),
        }
    }

    /// Bytes of the host's memory that the dump does not hold.
    pub(super) fn left_out_bytes(&self) -> Result<u64, Malformed> {
        match &self.format {
            Format::Elf(elf) => Ok(elf.left_out_bytes()),
            Format::Kdump(kdump) => kdump.left_out_bytes(&self.input),
        }
    }
}
