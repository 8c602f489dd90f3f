//! Bits of `inode.i_state`. They were renumbered when the word became one of four bytes (6.12), and
//! have names in BTF since they are an enum (6.19).

use super::enumerators::index_of;
use super::fields::{Field, Fields};
use crate::kernel::host::btf::Btf;

/// Masks of `inode.i_state` (include/linux/fs.h); 0 never matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inodes {
    /// `I_CLEAR`: the inode is empty, and is or will be freed.
    pub clear: u64,
    /// `I_DIRTY`: the inode or pages of it must be written first.
    pub dirty: u64,
}

impl Inodes {
    pub(super) fn resolve(btf: &Btf, fields: &Fields) -> Self {
        let named = |name: &str| index_of(btf, name).map(u64::from);
        let dirty = ["I_DIRTY_SYNC", "I_DIRTY_DATASYNC", "I_DIRTY_PAGES"].map(named);
        if let (Some(clear), [Some(a), Some(b), Some(c)]) = (named("I_CLEAR"), dirty) {
            return Self {
                clear,
                dirty: a | b | c,
            };
        }
        match fields.place(Field::InodeState).map(|place| place.bytes) {
            Ok(8) => Self {
                clear: 1 << 6,
                dirty: 0b111,
            },
            Ok(4) => Self {
                clear: 1 << 8,
                dirty: 0b111 << 3,
            },
            _ => Self::default(),
        }
    }
}
