//! The form of the kernel's list of symbols, whatever says where it is.

/// Bounds of the number of symbols: a kernel has 100,000 and more.
pub(super) const SYMBOLS: std::ops::RangeInclusive<u32> = 1_000..=4_000_000;
/// Tokens, each for a byte of a name.
pub(super) const TOKENS: usize = 256;
/// A length of two bytes has this bit in the first of them.
const LONG: u8 = 0x80;

/// Addresses of the parts of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) symbols: u32,
    pub(super) names: u64,
    pub(super) token_table: u64,
    pub(super) token_index: u64,
    pub(super) offsets: u64,
    /// The address to which the offsets are added; since 7.0 that is their own place.
    pub(super) relative_base: Option<u64>,
}

/// The numbers of the tokens of the first name, and what is behind it.
pub(super) fn packed_name(names: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = names.split_first()?;
    let (length, rest) = match first & LONG {
        0 => (usize::from(*first), rest),
        _ => {
            let (second, rest) = rest.split_first()?;
            (usize::from(first & !LONG) | usize::from(*second) << 7, rest)
        }
    };
    rest.split_at_checked(length).filter(|_| length > 0)
}
