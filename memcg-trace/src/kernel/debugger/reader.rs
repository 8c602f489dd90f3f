//! A reader of the kernel's structs, field by field, through the layout table.

use std::ops::ControlFlow;

use crate::kernel::debugger::memory::{Memory, Unreadable};
pub(crate) use crate::kernel::host::address_names::is_kernel_address;
use crate::kernel::host::cpus::possible_cpus;
use crate::kernel::host::symbols::{Symbol, Symbols};
use crate::kernel::layout::Resolved;
use crate::kernel::layout::fields::{Field, Place};
use crate::sample::Text;

/// Most bytes of a name (include/linux/limits.h: PATH_MAX).
const NAME_BYTES: usize = 4096;

pub(crate) struct Reader<'a> {
    pub(crate) memory: Memory<'a>,
    pub(crate) resolved: &'a Resolved,
    symbols: &'a Symbols,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(memory: Memory<'a>, resolved: &'a Resolved, symbols: &'a Symbols) -> Self {
        Self {
            memory,
            resolved,
            symbols,
        }
    }

    pub(crate) fn place(&self, field: Field) -> Result<Place, Unreadable> {
        let place = self.resolved.fields.place(field);
        place.map_err(|what| Unreadable::Absent(what.to_owned()))
    }

    pub(crate) fn offset(&self, field: Field) -> Result<u64, Unreadable> {
        self.place(field).map(|place| place.offset)
    }

    pub(crate) fn has(&self, field: Field) -> bool {
        self.place(field).is_ok()
    }

    /// Address of a variable.
    pub(crate) fn symbol(&self, symbol: Symbol) -> Result<u64, Unreadable> {
        let address = self.symbols.address(symbol);
        address.ok_or_else(|| Unreadable::Absent(self.symbols.no_address(symbol)))
    }

    /// A word at an address.
    pub(crate) fn word_at(&self, address: u64) -> Result<u64, Unreadable> {
        let mut word = [0; 8];
        self.memory.read(address, &mut word)?;
        Ok(u64::from_ne_bytes(word))
    }

    /// A field that is a number or a pointer.
    pub(crate) fn word(&self, base: u64, field: Field) -> Result<u64, Unreadable> {
        let place = self.place(field)?;
        let mut word = [0; 8];
        let bytes = usize::try_from(place.bytes.min(8)).unwrap_or(8);
        self.memory
            .read(base.wrapping_add(place.offset), &mut word[..bytes])?;
        Ok(u64::from_ne_bytes(word))
    }

    /// The same field of many structs; `None` for those that cannot be read.
    pub(crate) fn column(
        &self,
        bases: &[u64],
        field: Field,
    ) -> Result<Vec<Option<u64>>, Unreadable> {
        let place = self.place(field)?;
        let addresses: Vec<_> = bases
            .iter()
            .map(|base| base.wrapping_add(place.offset))
            .collect();
        let bytes = usize::try_from(place.bytes.min(8)).unwrap_or(8);
        let mut column = Vec::with_capacity(bases.len());
        self.memory.each(&addresses, bytes, |value| {
            column.push(value.map(|value| {
                let mut word = [0; 8];
                word[..bytes].copy_from_slice(value);
                u64::from_ne_bytes(word)
            }));
        })?;
        Ok(column)
    }

    /// A field that is an array of bytes.
    pub(crate) fn bytes(&self, base: u64, field: Field) -> Result<Vec<u8>, Unreadable> {
        let place = self.place(field)?;
        let mut bytes = vec![0; usize::try_from(place.bytes).unwrap_or(0)];
        self.memory
            .read(base.wrapping_add(place.offset), &mut bytes)?;
        Ok(bytes)
    }

    /// A field that is an array of words.
    pub(crate) fn words(&self, base: u64, field: Field) -> Result<Vec<u64>, Unreadable> {
        self.bytes(base, field).map(|bytes| words(&bytes))
    }

    /// Bytes of a name whose length is known.
    pub(crate) fn name(&self, address: u64, bytes: u64) -> Result<Text, Unreadable> {
        let mut name = vec![0; usize::try_from(bytes).unwrap_or(0).min(NAME_BYTES)];
        self.memory.read(address, &mut name)?;
        Ok(Text::from(name))
    }

    /// A string that ends in NUL, of at most `most` bytes.
    pub(crate) fn string(&self, address: u64, most: usize) -> Result<Text, Unreadable> {
        /// The bytes after the string may be unreadable.
        const STEP: u64 = 16;
        let mut string = Vec::new();
        let mut from = address;
        while string.len() < most {
            let mut part = [0; STEP as usize];
            let bytes = usize::try_from(STEP - from % STEP).unwrap_or(1);
            self.memory.read(from, &mut part[..bytes])?;
            string.extend_from_slice(&part[..bytes]);
            if part[..bytes].contains(&0) {
                break;
            }
            from += bytes as u64;
        }
        Ok(Text::from_c(&string))
    }

    /// Addresses of the structs on a list: their `node` is linked into the list with its head at
    /// `head`. At most `most`, and whether those are all.
    pub(crate) fn list(
        &self,
        head: u64,
        node: Field,
        most: usize,
    ) -> Result<(Vec<u64>, bool), Unreadable> {
        let offset = self.offset(node)?;
        let first = self.word_at(head)?;
        let mut found = Vec::new();
        self.memory.chain(first, head, 0, |nodes| {
            found.extend(nodes.iter().map(|node| node.wrapping_sub(offset)));
            if found.len() > most {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        let all = found.len() <= most;
        found.truncate(most);
        Ok((found, all))
    }

    /// The number of possible NUMA nodes. Without NUMA there is one, and no variable.
    pub(crate) fn nodes(&self) -> Result<u64, Unreadable> {
        match self.symbol(Symbol::NrNodeIds) {
            Ok(address) => Ok((self.word_at(address)? & 0xffff_ffff).clamp(1, 1024)),
            Err(_) => Ok(1),
        }
    }

    /// The address of each CPU's instance of a variable, with the number of the CPU.
    pub(crate) fn per_cpu(&self, symbol: Symbol) -> Result<Vec<(u32, u64)>, Unreadable> {
        let variable = self.symbol(symbol)?;
        let places = self.cpu_offsets()?.into_iter().zip(0..);
        Ok(places
            .map(|(offset, cpu)| (cpu, offset.wrapping_add(variable)))
            .collect())
    }

    /// The distance of each CPU's instances of per-CPU variables from the addresses of their
    /// symbols.
    pub(crate) fn cpu_offsets(&self) -> Result<Vec<u64>, Unreadable> {
        let offsets = self.symbol(Symbol::PerCpuOffset)?;
        let mut bytes = vec![0; possible_cpus() as usize * 8];
        self.memory.read(offsets, &mut bytes)?;
        Ok(words(&bytes))
    }
}

/// The bytes as words.
pub(crate) fn words(bytes: &[u8]) -> Vec<u64> {
    let words = bytes.chunks_exact(8);
    words
        .map(|word| u64::from_ne_bytes(word.try_into().unwrap_or_default()))
        .collect()
}
