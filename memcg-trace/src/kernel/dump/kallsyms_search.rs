//! A search for the list of symbols by its shape, in kernels whose VMCOREINFO does not say where it
//! is (before 6.0).
//!
//! Digits are tokens of themselves, and tables that follow from others prove each other.

use memchr::memmem::Finder;

use super::address_space::AddressSpace;
use super::input::{u16_at, u32_at};
use super::pages::PAGE;
use super::symbol_list::{Places, SYMBOLS, TOKENS, packed_name};

/// The tokens of the digits, one after another.
const DIGITS: &[u8] = b"0\x001\x002\x003\x004\x005\x006\x007\x008\x009\0";
/// The number of the token of the digit 0.
const FIRST_DIGIT: usize = 0x30;
/// The image that is searched, from the start of its text on.
const IMAGE: usize = 128 << 20;
/// Memory that is searched at once, and what is read before and behind a hit.
const WINDOW: usize = 1 << 20;
const BEFORE: usize = 8 << 20;
const BEHIND: usize = 4 << 20;
/// Names whose lengths are tried before all are.
const FIRST_NAMES: u32 = 600;
/// A marker is for so many names.
const NAMES_A_MARKER: usize = 256;
/// Distance of a part from the end of the one before, at most.
const SLACK: usize = 64;

/// Places at which lists of symbols may be; each is to be proven by a symbol that is known.
pub(super) fn candidates(space: &AddressSpace, text: u64) -> Vec<Places> {
    let finder = Finder::new(DIGITS);
    let mut window = vec![0; WINDOW + DIGITS.len()];
    for at in (0..IMAGE).step_by(WINDOW) {
        let begin = text.wrapping_add(at as u64);
        if !space.read_with_holes(begin, &mut window) {
            continue;
        }
        for found in finder.find_iter(&window) {
            let digits = begin.wrapping_add(found as u64);
            // Parts are aligned by their addresses, so those of what is read are, too.
            let within = digits % PAGE;
            let around = (digits - within).wrapping_sub(BEFORE as u64);
            let mut memory = vec![0; BEFORE + BEHIND];
            space.read_with_holes(around, &mut memory);
            let found = of_digits(&memory, around, BEFORE + within as usize);
            if !found.is_empty() {
                return found;
            }
        }
    }
    Vec::new()
}

/// Lists around the tokens of the digits, which are at the offset `digits` of `memory`.
fn of_digits(memory: &[u8], begin: u64, digits: usize) -> Vec<Places> {
    let Some((table, index)) = tables(memory, digits) else {
        return Vec::new();
    };
    let Some((count, names)) = names(memory, table) else {
        return Vec::new();
    };
    let address = |at: usize| begin.wrapping_add(at as u64);
    let symbols = u32_at(memory, count);
    let bytes = symbols as usize * 4;
    let places = |offsets: usize, base: usize| Places {
        symbols,
        names: address(names),
        token_table: address(table),
        token_index: address(index),
        offsets: address(offsets),
        relative_base: Some(address(base)),
    };
    let mut found = Vec::new();
    let behind = index + TOKENS * 2;
    for align in [4, 8] {
        let offsets = behind.next_multiple_of(align);
        found.push(places(offsets, (offsets + bytes).next_multiple_of(8)));
    }
    // Offsets, their base, and the number of symbols, each aligned to a word.
    if let Some(base) = count.checked_sub(8)
        && let Some(offsets) = base.checked_sub(bytes.next_multiple_of(8))
    {
        found.push(places(offsets, base));
    }
    found
}

/// The table of tokens, and its index, which follows from it.
fn tables(memory: &[u8], digits: usize) -> Option<(usize, usize)> {
    // Behind the NUL of the token before the first.
    let mut ends = memchr::memrchr_iter(0, &memory[..digits]);
    let table = ends.nth(FIRST_DIGIT)? + 1;
    let mut index = Vec::with_capacity(TOKENS * 2);
    let mut end = table;
    for _ in 0..TOKENS {
        index.extend_from_slice(&u16::try_from(end - table).ok()?.to_le_bytes());
        end += memchr::memchr(0, memory.get(end..)?)? + 1;
    }
    let near = memory.get(end..(end + SLACK + index.len()).min(memory.len()))?;
    let found = memchr::memmem::find(near, &index)?;
    (u16_at(&index, 0) == 0).then_some((table, end + found))
}

/// The number of symbols, and their names, before the table of tokens.
fn names(memory: &[u8], table: usize) -> Option<(usize, usize)> {
    let mut count = table / 4 * 4;
    loop {
        count = count.checked_sub(4)?;
        let symbols = u32_at(memory, count);
        if !SYMBOLS.contains(&symbols) {
            continue;
        }
        for names in [count + 4, count + 8] {
            if lengths(memory, names, symbols.min(FIRST_NAMES)).is_some()
                && is_marked(memory, names, symbols, table)
            {
                return Some((count, names));
            }
        }
    }
}

/// The offset behind so many names, and the offsets of each 256th of them.
fn lengths(memory: &[u8], names: usize, count: u32) -> Option<(usize, Vec<u32>)> {
    let mut rest = memory.get(names..)?;
    let whole = rest.len();
    let mut markers = Vec::new();
    for at in 0..count as usize {
        if at % NAMES_A_MARKER == 0 {
            markers.push(u32::try_from(whole - rest.len()).ok()?);
        }
        rest = packed_name(rest)?.1;
    }
    Some((names + whole - rest.len(), markers))
}

/// Returns whether the markers that follow from all names are behind them, and before the tokens.
fn is_marked(memory: &[u8], names: usize, symbols: u32, table: usize) -> bool {
    let Some((end, markers)) = lengths(memory, names, symbols) else {
        return false;
    };
    let bytes: Vec<u8> = markers.iter().flat_map(|one| one.to_le_bytes()).collect();
    let until = (end + SLACK + bytes.len()).min(table);
    let near = memory.get(end..until);
    near.is_some_and(|near| memchr::memmem::find(near, &bytes).is_some())
}
