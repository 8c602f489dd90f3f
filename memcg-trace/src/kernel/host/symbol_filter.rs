//! A filter of symbols by the first bytes of their names, within a few instructions. The program in
//! the kernel (`symbol_iterator`) and the reader of its text both use it before a closer look.

use foldhash::HashSet;
use memchr::memchr;

use crate::kernel::host::raw_bpf::{Code, alu};

/// Bits of the hash of a name's first bytes.
const BITS: u32 = 13;
pub(crate) const PLACES: usize = 1 << BITS;
/// Ends of a name: its NUL, or the dot before a suffix of the compiler.
const ENDS: [u8; 2] = [0, b'.'];
const EACH_BYTE: u64 = 0x0101_0101_0101_0101;
/// A multiplier that spreads the hashes well (2^64 divided by the golden ratio).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Names that are wanted.
pub(crate) struct Wanted<'a> {
    names: HashSet<&'a [u8]>,
    places: Vec<u8>,
}

impl<'a> Wanted<'a> {
    pub(crate) fn new(names: impl Iterator<Item = &'a str>) -> Self {
        let names: HashSet<&[u8]> = names.map(str::as_bytes).collect();
        let mut places = vec![0; PLACES];
        for name in &names {
            places[place(name)] = 1;
        }
        Self { names, places }
    }

    /// Whether the symbol is wanted; suffixes of the compiler (`.isra.0`, `.constprop.0`) are
    /// ignored.
    pub(crate) fn has(&self, symbol: &[u8]) -> bool {
        self.may_have(symbol) && self.names.contains(base(symbol))
    }

    /// Whether a symbol that begins so may be wanted; the bytes behind its name must not count.
    pub(crate) fn may_have(&self, symbol: &[u8]) -> bool {
        self.places[place(symbol)] != 0
    }

    /// A 1 at the place of each name.
    pub(crate) fn places(&self) -> &[u8] {
        &self.places
    }
}

fn base(name: &[u8]) -> &[u8] {
    &name[..memchr(b'.', name).unwrap_or(name.len())]
}

/// The place of a name, by its first eight bytes.
fn place(name: &[u8]) -> usize {
    let mut begin = [0; 8];
    let bytes = name.len().min(8);
    begin[..bytes].copy_from_slice(&name[..bytes]);
    let begin = u64::from_le_bytes(begin);
    let mut ends = 0;
    for end in ENDS {
        // The lowest bit that is set here is in the first byte that ends the name.
        let with_zeros = begin ^ (EACH_BYTE * u64::from(end));
        ends |= with_zeros.wrapping_sub(EACH_BYTE) & !with_zeros;
    }
    ends &= EACH_BYTE << 7;
    let before = ((ends & ends.wrapping_neg()) >> 7).wrapping_sub(1);
    usize::try_from((begin & before).wrapping_mul(SPREAD) >> (64 - BITS)).unwrap_or(0)
}

/// The code of [`place`] for a program: from the first eight bytes of a name to its place, in
/// register 1. Uses registers 0 to 5.
pub(crate) fn place_in(code: &mut Code) {
    code.number(2, EACH_BYTE);
    code.alu_number(alu::MOVE, 3, 0);
    for end in ENDS {
        code.alu(alu::MOVE, 4, 1);
        code.number(5, EACH_BYTE * u64::from(end));
        code.alu(alu::XOR, 4, 5);
        code.alu(alu::MOVE, 5, 4);
        code.alu(alu::SUB, 4, 2);
        code.alu_number(alu::XOR, 5, -1);
        code.alu(alu::AND, 4, 5);
        code.alu(alu::OR, 3, 4);
    }
    code.number(4, EACH_BYTE << 7);
    code.alu(alu::AND, 3, 4);
    code.alu(alu::MOVE, 4, 3);
    code.alu_number(alu::NEGATE, 4, 0);
    code.alu(alu::AND, 3, 4);
    code.alu_number(alu::SHIFT_RIGHT, 3, 7);
    code.alu_number(alu::SUB, 3, 1);
    code.alu(alu::AND, 1, 3);
    code.number(2, SPREAD);
    code.alu(alu::MUL, 1, 2);
    code.alu_number(alu::SHIFT_RIGHT, 1, 64 - BITS.cast_signed());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_does_not_count() {
        let wanted = Wanted::new(["modules", "do_migrate_range", "super_blocks"].into_iter());
        for symbol in [
            "modules",
            "do_migrate_range.isra.0",
            "modules.cold",
            "super_blocks",
        ] {
            assert!(wanted.has(symbol.as_bytes()), "{symbol}");
        }
        for symbol in [
            "module",
            "modules_",
            "do_migrate",
            "",
            "super_blocks_",
            ".modules",
        ] {
            assert!(!wanted.has(symbol.as_bytes()), "{symbol}");
        }
        // Programs see old bytes behind the name.
        assert!(wanted.may_have(b"modules\0x"));
        assert!(wanted.may_have(b"modules.is"));
    }

    #[test]
    fn few_others_have_the_same_place() {
        let names: Vec<_> = (0..60_u64)
            .map(|one| format!("{:x}", one.wrapping_mul(SPREAD)))
            .collect();
        let wanted = Wanted::new(names.iter().map(String::as_str));
        let others = (60..10_060_u64).map(|one| format!("{:x}", one.wrapping_mul(SPREAD)));
        let pass = others.filter(|one| wanted.may_have(one.as_bytes())).count();
        assert!(pass < 200, "{pass} of 10,000");
    }
}
