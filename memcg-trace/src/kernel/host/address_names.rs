//! Symbols by address: from the kernel, one query for each, if it answers those, else from a table
//! of all symbols.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use crate::kernel::host::btf::Btf;
use crate::kernel::host::raw_bpf::{self, Code, alu};

/// Kernel addresses have their upper bits set, seven of them with five levels of page tables
/// (Documentation/arch/x86/x86_64/mm.rst); poison and user addresses do not.
const KERNEL_HALF: u64 = 0xfe00_0000_0000_0000;

/// Whether a number can be a kernel address.
pub(crate) fn is_kernel_address(address: u64) -> bool {
    address & KERNEL_HALF == KERNEL_HALF
}

/// A symbol stands for the addresses up to this far behind it.
const REACH_BYTES: u64 = 1 << 20;

/// All symbols by address.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Address, and the offset of its name in `text`.
    by_address: Vec<(u64, u32)>,
    /// Names, each with a NUL behind it.
    text: Vec<u8>,
}

impl Table {
    pub(crate) fn add(&mut self, address: u64, name: &[u8]) {
        if is_kernel_address(address)
            && let Ok(at) = u32::try_from(self.text.len())
        {
            self.by_address.push((address, at));
            self.text.extend_from_slice(name);
            self.text.push(0);
        }
    }

    /// Sorts the symbols after the last was added.
    pub(crate) fn finish(&mut self) {
        // A stable sort: of several names of one address, the first that the kernel lists is used.
        self.by_address.sort_by_key(|(address, _)| *address);
    }

    /// The symbol at or before an address, and the distance from it.
    pub(crate) fn nearest(&self, address: u64) -> Option<(&str, u64)> {
        let after = self.by_address.partition_point(|(one, _)| *one <= address);
        let found = self.by_address.get(after.checked_sub(1)?)?.0;
        // The first of several with the same address.
        let first = self.by_address.partition_point(|(one, _)| *one < found);
        let (begin, at) = *self.by_address.get(first)?;
        let name = self.text.get(at as usize..)?.split(|byte| *byte == 0);
        let name = str::from_utf8(name.into_iter().next()?).ok()?;
        let offset = address - begin;
        (offset < REACH_BYTES).then_some((name, offset))
    }
}

/// Queries to the kernel, with a cache of its answers.
#[derive(Debug)]
pub(crate) struct Asked {
    kernel: Kernel,
    /// By some bits of the address: the first symbol for each value of the bits.
    known: Vec<OnceLock<Box<Known>>>,
}

#[derive(Debug)]
struct Known {
    address: u64,
    symbol: String,
    /// The distance of the address from the symbol.
    offset: u64,
    next: OnceLock<Box<Known>>,
}

impl Asked {
    /// `None` if the kernel does not answer such queries, as it does since 5.13: this is tested
    /// with `probe`, the address of some function.
    pub(crate) fn open(btf: &Btf, probe: u64) -> Option<Self> {
        // The kernel's own name for the helper.
        btf.function_type_id("bpf_snprintf")?;
        let kernel = Kernel::open()
            .inspect_err(|error| log::debug!("ask the kernel for names of addresses: {error}"));
        let asked = Self::of(kernel.ok()?);
        asked.nearest(probe)?;
        Some(asked)
    }

    fn of(kernel: Kernel) -> Self {
        /// A session has some hundred addresses, usually.
        const PLACES: usize = 1 << 10;
        let mut known = Vec::new();
        known.resize_with(PLACES, OnceLock::new);
        Self { kernel, known }
    }

    /// The same program with an empty cache: modules may have changed.
    pub(crate) fn again(&self) -> io::Result<Self> {
        Ok(Self::of(self.kernel.again()?))
    }

    pub(crate) fn nearest(&self, address: u64) -> Option<(&str, u64)> {
        if !is_kernel_address(address) {
            return None;
        }
        let mut at = &self.known[address as usize % self.known.len()];
        loop {
            match at.get() {
                Some(known) if known.address == address => {
                    return Some((&known.symbol, known.offset));
                }
                Some(other) => at = &other.next,
                None => {
                    // An address without a symbol is not cached: the number of such addresses has
                    // no bound.
                    let (symbol, offset) = self.kernel.symbol(address)?;
                    let next = OnceLock::new();
                    // If another thread was faster, its answer is found next.
                    let _ = at.set(Box::new(Known {
                        address,
                        symbol,
                        offset,
                        next,
                    }));
                }
            }
        }
    }
}

/// A program that is run on demand.
#[derive(Debug)]
struct Kernel {
    program: OwnedFd,
    answer: OwnedFd,
}

/// Bytes of an answer: the kernel allows names of up to 512 since 6.1, but none is nearly as long.
const ANSWER: usize = 256;

impl Kernel {
    fn open() -> io::Result<Self> {
        /// Helper (include/uapi/linux/bpf.h).
        const SNPRINTF: i32 = 165;
        // `name+0x10/0x40 [module]`, or the number if there is no symbol (lib/vsprintf.c:
        // symbol_string()).
        let format = raw_bpf::constant(b"%pS\0")?;
        let answer = raw_bpf::map_of_one(ANSWER)?;
        let mut code = Code::default();
        code.load(raw_bpf::size::DOUBLE, 1, 1, 0);
        code.store(10, -8, 1);
        code.value(1, &answer);
        code.alu_number(alu::MOVE, 2, i32::try_from(ANSWER).unwrap_or(0));
        code.value(3, &format);
        code.alu(alu::MOVE, 4, 10);
        code.alu_number(alu::ADD, 4, -8);
        code.alu_number(alu::MOVE, 5, 8);
        code.call(SNPRINTF);
        code.end();
        let program = code.load_as(raw_bpf::RAW_TRACEPOINT, (0, 0))?;
        Ok(Self { program, answer })
    }

    fn again(&self) -> io::Result<Self> {
        Ok(Self {
            program: self.program.try_clone()?,
            answer: self.answer.try_clone()?,
        })
    }

    fn symbol(&self, address: u64) -> Option<(String, u64)> {
        let mut text = [0; ANSWER];
        let said = raw_bpf::run(&self.program, address)
            .and_then(|()| raw_bpf::get(&self.answer, &mut text))
            .inspect_err(|error| log::debug!("ask the kernel what is at {address:#x}: {error}"));
        said.ok()?;
        let end = memchr::memchr(0, &text)?;
        symbol(str::from_utf8(&text[..end]).ok()?)
    }
}

/// The name in `name+0x10/0x40 [module]`, and the offset.
fn symbol(text: &str) -> Option<(String, u64)> {
    let (name, rest) = text.rsplit_once("+0x")?;
    let (offset, _) = rest.split_once('/')?;
    let offset = u64::from_str_radix(offset, 16).ok()?;
    (offset < REACH_BYTES).then(|| (name.to_owned(), offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_taken_apart() {
        let is = |text, name: &str, offset| {
            assert_eq!(symbol(text), Some((name.to_owned(), offset)), "{text}");
        };
        is("schedule+0x0/0xb0", "schedule", 0);
        is(
            "do_migrate_range.isra.0+0x1f/0x400 [memory_test]",
            "do_migrate_range.isra.0",
            31,
        );
        assert_eq!(symbol("0xffffffffff600000"), None);
        assert_eq!(symbol("last+0x200000/0x400000"), None);
    }

    #[test]
    fn of_one_place_the_first_name_counts() {
        let mut table = Table::default();
        table.add(0xffff_ffff_8100_2000, b"second");
        table.add(0xffff_ffff_8100_1000, b"first");
        table.add(0xffff_ffff_8100_1000, b"alias");
        table.add(0x1000, b"no_address");
        table.finish();
        assert_eq!(table.nearest(0xffff_ffff_8100_1fff), Some(("first", 0xfff)));
        assert_eq!(table.nearest(0xffff_ffff_8100_2000), Some(("second", 0)));
        assert_eq!(table.nearest(0x2000), None);
        assert_eq!(table.nearest(0xffff_ffff_f000_0000), None);
    }
}
