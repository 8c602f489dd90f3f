//! Small programs that are assembled here, instruction by instruction, and the calls of bpf(2) that
//! they need. They query what the eBPF object needs before it can be loaded.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

/// The licence of the eBPF object (memcg-trace-ebpf/Cargo.toml).
const LICENSE: &CStr = c"Dual MIT/GPL";

/// The name of these programs in the kernel's lists.
const NAME: [u8; 16] = *b"memcg_symbols\0\0\0";

/// Kinds of programs (include/uapi/linux/bpf.h: `BPF_PROG_TYPE_RAW_TRACEPOINT`, `_TRACING`).
pub(crate) const RAW_TRACEPOINT: u32 = 17;
pub(crate) const TRACING: u32 = 26;
/// `BPF_TRACE_ITER`
pub(crate) const ITERATOR: u32 = 28;

/// Arithmetic of 64 bits.
pub(crate) mod alu {
    pub(crate) const ADD: u8 = 0x07;
    pub(crate) const SUB: u8 = 0x17;
    pub(crate) const MUL: u8 = 0x27;
    pub(crate) const OR: u8 = 0x47;
    pub(crate) const AND: u8 = 0x57;
    pub(crate) const SHIFT_RIGHT: u8 = 0x77;
    pub(crate) const NEGATE: u8 = 0x87;
    pub(crate) const XOR: u8 = 0xa7;
    pub(crate) const MOVE: u8 = 0xb7;
    /// The other operand is a register, not a number.
    pub(crate) const REGISTER: u8 = 0x08;
}

/// Sizes of loads.
pub(crate) mod size {
    pub(crate) const BYTE: u8 = 0x10;
    pub(crate) const WORD: u8 = 0;
    pub(crate) const DOUBLE: u8 = 0x18;
}

/// `struct bpf_insn`
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Instruction {
    code: u8,
    /// The source register is in the upper four bits.
    registers: u8,
    offset: i16,
    number: i32,
}

/// A program that is being assembled. Registers are numbers; 10 is the end of the stack.
#[derive(Debug, Default)]
pub(crate) struct Code(Vec<Instruction>);

/// A jump without a target yet.
#[must_use]
pub(crate) struct Jump(usize);

impl Code {
    fn add(&mut self, code: u8, to: u8, from: u8, offset: i16, number: i32) {
        let registers = from << 4 | to;
        self.0.push(Instruction {
            code,
            registers,
            offset,
            number,
        });
    }

    /// `to = to OPERATION from`
    pub(crate) fn alu(&mut self, operation: u8, to: u8, from: u8) {
        self.add(operation | alu::REGISTER, to, from, 0, 0);
    }

    /// `to = to OPERATION number`
    pub(crate) fn alu_number(&mut self, operation: u8, to: u8, number: i32) {
        self.add(operation, to, 0, 0, number);
    }

    /// `to = number`
    pub(crate) fn number(&mut self, to: u8, number: u64) {
        self.wide(to, 0, [number as u32, (number >> 32) as u32]);
    }

    /// `to` = the address of the value of a map with one value (`BPF_PSEUDO_MAP_VALUE`).
    pub(crate) fn value(&mut self, to: u8, map: &OwnedFd) {
        self.wide(to, 2, [map.as_raw_fd().cast_unsigned(), 0]);
    }

    fn wide(&mut self, to: u8, kind: u8, halves: [u32; 2]) {
        self.add(0x18, to, kind, 0, halves[0].cast_signed());
        self.add(0, 0, 0, 0, halves[1].cast_signed());
    }

    /// `to = *(from + offset)`
    pub(crate) fn load(&mut self, size: u8, to: u8, from: u8, offset: i16) {
        self.add(0x61 | size, to, from, offset, 0);
    }

    /// `*(to + offset) = from`, all 64 bits.
    pub(crate) fn store(&mut self, to: u8, offset: i16, from: u8) {
        self.add(0x7b, to, from, offset, 0);
    }

    /// Jumps if a register is 0.
    pub(crate) fn jump_if_zero(&mut self, register: u8) -> Jump {
        self.add(0x15, register, 0, 0, 0);
        Jump(self.0.len())
    }

    /// Sets the target of a jump to the next instruction.
    pub(crate) fn land(&mut self, jump: Jump) {
        let skipped = self.0.len() - jump.0;
        self.0[jump.0 - 1].offset = i16::try_from(skipped).unwrap_or(i16::MAX);
    }

    /// Calls a helper, whose arguments are in registers 1 to 5.
    pub(crate) fn call(&mut self, helper: i32) {
        self.add(0x85, 0, 0, 0, helper);
    }

    /// Returns 0.
    pub(crate) fn end(&mut self) {
        self.alu_number(alu::MOVE, 0, 0);
        self.add(0x95, 0, 0, 0, 0);
    }

    /// Loads the program; `attached` is the kind of the attach point, and the id of its type.
    pub(crate) fn load_as(&self, kind: u32, attached: (u32, u32)) -> io::Result<OwnedFd> {
        let attr = LoadAttr {
            kind,
            instructions: u32::try_from(self.0.len()).unwrap_or(0),
            code: self.0.as_ptr() as u64,
            license: LICENSE.as_ptr() as u64,
            name: NAME,
            expected_attach_type: attached.0,
            attach_btf_id: attached.1,
            ..LoadAttr::default()
        };
        // SAFETY: the kernel reads the instructions and the licence, which live until it returns.
        unsafe { call_for_fd(command::PROG_LOAD, &attr) }
    }
}

/// Commands (`enum bpf_cmd`).
mod command {
    pub(crate) const MAP_CREATE: i64 = 0;
    pub(crate) const MAP_LOOKUP_ELEM: i64 = 1;
    pub(crate) const MAP_UPDATE_ELEM: i64 = 2;
    pub(crate) const PROG_LOAD: i64 = 5;
    pub(crate) const PROG_TEST_RUN: i64 = 10;
    pub(crate) const MAP_FREEZE: i64 = 22;
    pub(crate) const LINK_CREATE: i64 = 28;
    pub(crate) const ITER_CREATE: i64 = 33;
}

// The parts of `union bpf_attr` that these commands take.

#[derive(Default)]
#[repr(C)]
struct LoadAttr {
    kind: u32,
    instructions: u32,
    code: u64,
    license: u64,
    log: [u64; 3],
    name: [u8; 16],
    ifindex: u32,
    expected_attach_type: u32,
    debug_info: [u64; 4],
    line_info_count: u32,
    attach_btf_id: u32,
}

#[repr(C)]
struct MapAttr {
    kind: u32,
    key_bytes: u32,
    value_bytes: u32,
    entries: u32,
    flags: u32,
}

#[repr(C)]
struct ElementAttr {
    map: u32,
    _pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[derive(Default)]
#[repr(C)]
struct RunAttr {
    program: u32,
    result: u32,
    data_bytes: [u32; 2],
    data: [u64; 2],
    repeat: u32,
    duration: u32,
    context_bytes: u32,
    context_out_bytes: u32,
    context: u64,
    context_out: u64,
}

/// A map of one value of `bytes`.
pub(crate) fn map_of_one(bytes: usize) -> io::Result<OwnedFd> {
    make_map(bytes, 0)
}

/// A map with one value that never changes: text for helpers.
pub(crate) fn constant(value: &[u8]) -> io::Result<OwnedFd> {
    const RDONLY_PROG: u32 = 1 << 7;
    let map = make_map(value.len(), RDONLY_PROG)?;
    set(&map, value)?;
    let number = map.as_raw_fd().cast_unsigned();
    // SAFETY: the command has a number alone.
    unsafe { call(command::MAP_FREEZE, &number) }?;
    Ok(map)
}

fn make_map(bytes: usize, flags: u32) -> io::Result<OwnedFd> {
    const ARRAY: u32 = 2;
    let attr = MapAttr {
        kind: ARRAY,
        key_bytes: 4,
        value_bytes: u32::try_from(bytes).unwrap_or(0),
        entries: 1,
        flags,
    };
    // SAFETY: the attribute has numbers alone.
    unsafe { call_for_fd(command::MAP_CREATE, &attr) }
}

/// Sets the value of a map that was created with as many bytes.
pub(crate) fn set(map: &OwnedFd, value: &[u8]) -> io::Result<()> {
    let key = 0_u32;
    // SAFETY: the kernel reads a key and a value of the map's sizes, which live until it returns.
    unsafe { element(command::MAP_UPDATE_ELEM, map, &key, value.as_ptr() as u64) }
}

/// Reads the value of a map that was created with as many bytes.
pub(crate) fn get(map: &OwnedFd, value: &mut [u8]) -> io::Result<()> {
    let key = 0_u32;
    let place = value.as_mut_ptr() as u64;
    // SAFETY: the kernel reads a key and writes a value of the map's sizes, which live until it
    // returns.
    unsafe { element(command::MAP_LOOKUP_ELEM, map, &key, place) }
}

/// # Safety
/// `value` must be where the map's size of bytes can be read, or written if looked up.
unsafe fn element(command: i64, map: &OwnedFd, key: &u32, value: u64) -> io::Result<()> {
    let attr = ElementAttr {
        map: map.as_raw_fd().cast_unsigned(),
        _pad: 0,
        key: std::ptr::from_ref(key) as u64,
        value,
        flags: 0,
    };
    // SAFETY: as the caller says.
    unsafe { call(command, &attr) }.map(|_| ())
}

/// Runs a program once, with a number as its context.
pub(crate) fn run(program: &OwnedFd, context: u64) -> io::Result<()> {
    let attr = RunAttr {
        program: program.as_raw_fd().cast_unsigned(),
        context_bytes: 8,
        context: (&raw const context) as u64,
        ..RunAttr::default()
    };
    // SAFETY: the kernel reads the number, which lives until it returns, and writes its results
    // into a copy of the attribute and into this one, which it is told to be as large as it is.
    unsafe { call(command::PROG_TEST_RUN, &attr) }.map(|_| ())
}

/// Opens the output of an iterator.
pub(crate) fn iterate(program: &OwnedFd) -> io::Result<File> {
    // The program, 0, the kind of the attach point, and flags; then a link and flags.
    let attr = [program.as_raw_fd().cast_unsigned(), 0, ITERATOR, 0];
    // SAFETY: the attribute has numbers alone.
    let link = unsafe { call_for_fd(command::LINK_CREATE, &attr) }?;
    let attr = [link.as_raw_fd().cast_unsigned(), 0];
    // SAFETY: as above.
    let file = unsafe { call_for_fd(command::ITER_CREATE, &attr) }?;
    Ok(file.into())
}

/// # Safety
/// As for [`call`]; and the command must be one that opens something.
unsafe fn call_for_fd<T>(command: i64, attr: &T) -> io::Result<OwnedFd> {
    // SAFETY: as the caller says.
    let number = unsafe { call(command, attr) }?;
    let number = i32::try_from(number).map_err(io::Error::other)?;
    // SAFETY: the kernel has just opened it, for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// # Safety
/// What addresses in `attr` point to must be what the command reads and writes there.
unsafe fn call<T>(command: i64, attr: &T) -> io::Result<i64> {
    // SAFETY: `attr` lives until the kernel returns; for the rest, as the caller says.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, &raw const *attr, size_of::<T>()) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}
