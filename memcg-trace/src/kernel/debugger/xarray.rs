//! The kernel's sparse arrays (`struct xarray`, `struct idr`): their entries by index.

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::{Reader, words};
use crate::kernel::layout::fields::Field;

/// Low bits of an entry (include/linux/xarray.h): a value, or an internal entry.
const VALUE: u64 = 1;
const INTERNAL: u64 = 2;
const KIND: u64 = 3;
/// Internal entries up to here are no nodes: siblings of the entry before, and marks.
const NODES_FROM: u64 = 4096;

/// An entry, and the number of consecutive indices that it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) index: u64,
    pub(crate) indices: u64,
    word: u64,
}

impl Entry {
    /// The address, if the entry is one.
    pub(crate) fn pointer(self) -> Option<u64> {
        (self.word & KIND == 0).then_some(self.word)
    }

    /// The number, if the entry is one, such as a place in swap.
    pub(crate) fn value(self) -> Option<u64> {
        (self.word & VALUE != 0).then_some(self.word >> 1)
    }
}

/// All entries of the array at an address, in no order. At most `most` nodes are read; the flag
/// says whether those were all.
pub(crate) fn entries(
    reader: &Reader<'_>,
    array: u64,
    most: usize,
    mut see: impl FnMut(Entry),
) -> Result<bool, Unreadable> {
    let head = reader.word(array, Field::XarrayHead)?;
    let Some(node) = node_of(head) else {
        // A single entry is at index 0.
        if head & KIND != INTERNAL && head != 0 {
            see(Entry {
                index: 0,
                indices: 1,
                word: head,
            });
        }
        return Ok(true);
    };
    let mut open = vec![(node, 0_u64, u64::from(u64::BITS))];
    let mut looked_at = 0;
    while let Some((node, base, above)) = open.pop() {
        if looked_at == most {
            return Ok(false);
        }
        looked_at += 1;
        let shift = reader.word(node, Field::XaNodeShift)?;
        // Each level is finer than the one above, unless the node was freed meanwhile.
        if shift >= above {
            return Err(Unreadable::Changed("an array of the kernel"));
        }
        let slots = words(&reader.bytes(node, Field::XaNodeSlots)?);
        for (at, word) in (0_u64..).zip(&slots) {
            let index = base.wrapping_add(at << shift);
            if let Some(child) = node_of(*word) {
                open.push((child, index, shift));
            } else if *word != 0 && *word & KIND != INTERNAL {
                let after = slots.iter().skip(usize::try_from(at).unwrap_or(0) + 1);
                let siblings = after.take_while(|word| is_sibling(**word)).count() as u64;
                see(Entry {
                    index,
                    indices: (siblings + 1) << shift,
                    word: *word,
                });
            }
        }
    }
    Ok(true)
}

fn node_of(word: u64) -> Option<u64> {
    (word & KIND == INTERNAL && word > NODES_FROM).then(|| word - INTERNAL)
}

fn is_sibling(word: u64) -> bool {
    word & KIND == INTERNAL && word < NODES_FROM && word >> 2 < 63
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart() {
        assert_eq!(node_of(0xffff_8880_0000_0002), Some(0xffff_8880_0000_0000));
        assert_eq!(node_of(0xffff_8880_0000_0000), None, "a pointer");
        assert_eq!(node_of(0x402), None, "a retry entry or a mark");
        assert!(is_sibling(2) && is_sibling(62 << 2 | 2));
        assert!(!is_sibling(256 << 2 | 2), "a retry entry");
        let entry = |word| Entry {
            index: 0,
            indices: 1,
            word,
        };
        assert_eq!(entry(0x15).value(), Some(0xa));
        assert_eq!(entry(0x15).pointer(), None);
        assert_eq!(entry(0x100).pointer(), Some(0x100));
    }
}
