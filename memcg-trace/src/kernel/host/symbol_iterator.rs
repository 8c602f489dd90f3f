//! The kernel's symbols by an iterator (`kernel/kallsyms.c: ksym_iter_reg_info`, 6.0): its program
//! sees each symbol and writes those that may be wanted, and its output is read like a file. A line
//! of text for each symbol takes the kernel several times as long.

use std::fs::File;
use std::io::{self, Read as _};

use crate::kernel::host::btf::Btf;
use crate::kernel::host::raw_bpf::{self, Code, alu, size};
use crate::kernel::host::symbol_filter::{PLACES, Wanted, place_in};

/// Helpers (include/uapi/linux/bpf.h).
const PROBE_READ_KERNEL_STR: i32 = 115;
const SEQ_WRITE: i32 = 127;

/// The program's output for a symbol: its address, and the start of its name with a NUL.
const ROW: usize = 128;
const NAME: usize = ROW - 8;
/// The value of the map: a byte for each place, and the number of symbols.
const VALUE: usize = PLACES + 8;

/// The symbols that may be wanted, and the number of all.
pub(crate) struct Found {
    rows: Vec<u8>,
    pub(crate) symbols: usize,
}

impl Found {
    /// Address and name of each; the address is 0 if it is hidden from us.
    pub(crate) fn each(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.rows.chunks_exact(ROW).filter_map(|row| {
            let (address, name) = row.split_first_chunk()?;
            let end = memchr::memchr(0, name)?;
            Some((u64::from_ne_bytes(*address), &name[..end]))
        })
    }
}

/// Offsets in the program's context, all from BTF.
struct Places {
    iterator: u32,
    meta: i16,
    seq: i16,
    symbol: i16,
    address: i16,
    is_shown: i16,
    name: i16,
}

impl Places {
    /// `None` if the kernel has no such iterator.
    fn of(btf: &Btf) -> Option<Self> {
        let place = |path, bits| {
            let member = btf.member(path)?;
            let fits = member.bit_offset % 8 == 0 && (bits == 0 || member.bits == bits);
            i16::try_from(member.bit_offset / 8).ok().filter(|_| fits)
        };
        Some(Self {
            iterator: btf.function_type_id("bpf_iter_ksym")?,
            meta: place("bpf_iter__ksym.meta", 64)?,
            seq: place("bpf_iter_meta.seq", 64)?,
            symbol: place("bpf_iter__ksym.ksym", 64)?,
            address: place("kallsym_iter.value", 64)?,
            is_shown: place("kallsym_iter.show_value", 32)?,
            name: place("kallsym_iter.name", 0)?,
        })
    }
}

/// Reads the symbols that may be wanted; `None` if the kernel has no such iterator.
pub(crate) fn read(btf: &Btf, wanted: &Wanted<'_>) -> Option<io::Result<Found>> {
    Places::of(btf).map(|places| run(&places, wanted))
}

fn run(places: &Places, wanted: &Wanted<'_>) -> io::Result<Found> {
    let map = raw_bpf::map_of_one(VALUE)?;
    let mut value = wanted.places().to_vec();
    value.resize(VALUE, 0);
    raw_bpf::set(&map, &value)?;
    let program = program(places, &map);
    let program = program.load_as(raw_bpf::TRACING, (raw_bpf::ITERATOR, places.iterator))?;
    let rows = read_all(raw_bpf::iterate(&program)?)?;
    raw_bpf::get(&map, &mut value)?;
    let symbols = value
        .last_chunk()
        .map_or(0, |last| u64::from_ne_bytes(*last));
    let symbols = usize::try_from(symbols).unwrap_or(usize::MAX);
    Ok(Found { rows, symbols })
}

/// Reads all output. The kernel returns from the read after a million symbols without output
/// (kernel/bpf/bpf_iter.c: MAX_ITER_OBJECTS).
fn read_all(mut file: File) -> io::Result<Vec<u8>> {
    /// No host has a thousand million symbols.
    const PAUSES: u32 = 1_000;
    let mut rows = Vec::new();
    let mut pauses = 0;
    loop {
        match file.read_to_end(&mut rows) {
            Ok(_) => return Ok(rows),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && pauses < PAUSES => {
                pauses += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

fn program(places: &Places, map: &std::os::fd::OwnedFd) -> Code {
    let stack = |bytes: usize| -i16::try_from(bytes).unwrap_or(0);
    let number = |bytes: usize| i32::try_from(bytes).unwrap_or(0);
    let mut code = Code::default();
    // Register 6: the symbol. Register 7: the destination.
    code.load(size::DOUBLE, 6, 1, places.symbol);
    code.load(size::DOUBLE, 7, 1, places.meta);
    // The last call has no symbol.
    let is_over = code.jump_if_zero(6);
    code.load(size::DOUBLE, 1, 6, places.name);
    place_in(&mut code);
    code.value(2, map);
    // One task makes all calls, one after the other.
    let count = i16::try_from(PLACES).unwrap_or(0);
    code.load(size::DOUBLE, 3, 2, count);
    code.alu_number(alu::ADD, 3, 1);
    code.store(2, count, 3);
    code.alu(alu::ADD, 2, 1);
    code.load(size::BYTE, 1, 2, 0);
    let is_unwanted = code.jump_if_zero(1);
    code.alu_number(alu::MOVE, 1, 0);
    code.load(size::WORD, 2, 6, places.is_shown);
    let is_hidden = code.jump_if_zero(2);
    code.load(size::DOUBLE, 1, 6, places.address);
    code.land(is_hidden);
    code.store(10, stack(ROW), 1);
    code.alu(alu::MOVE, 1, 10);
    code.alu_number(alu::ADD, 1, -number(NAME));
    code.alu_number(alu::MOVE, 2, number(NAME));
    code.alu(alu::MOVE, 3, 6);
    code.alu_number(alu::ADD, 3, places.name.into());
    code.call(PROBE_READ_KERNEL_STR);
    code.load(size::DOUBLE, 1, 7, places.seq);
    code.alu(alu::MOVE, 2, 10);
    code.alu_number(alu::ADD, 2, -number(ROW));
    code.alu_number(alu::MOVE, 3, number(ROW));
    code.call(SEQ_WRITE);
    code.land(is_unwanted);
    code.land(is_over);
    code.end();
    code
}
