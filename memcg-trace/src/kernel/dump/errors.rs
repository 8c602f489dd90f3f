//! The errors of a dump, and its gaps.

/// A file that is no dump, or that does not hold what it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {offset:#x}: {why}")]
pub struct Malformed {
    /// The part of the file.
    pub what: &'static str,
    /// The offset in the dump; of a flattened file, in the file that it describes.
    pub offset: u64,
    /// The reason, in a few words.
    pub why: String,
}

impl Malformed {
    pub(super) fn new(what: &'static str, offset: u64, why: impl Into<String>) -> Self {
        Self {
            what,
            offset,
            why: why.into(),
        }
    }
}

/// The reason why a page of the host is not in its dump.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Gap {
    /// The tool that made the dump left the page out, or found it to be all zeros: some formats do
    /// not tell these apart.
    #[error("the page was left out of the dump")]
    LeftOut,
    /// The host has no memory there.
    #[error("the host has no memory there")]
    NoMemory,
    /// The file lacks the page, or it cannot be unpacked.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// The reason why bytes at an address of the kernel cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// The page tables have nothing there.
    #[error("nothing is mapped at {0:#x}")]
    NotMapped(u64),
    /// The page tables lead to a page that the dump has not.
    #[error("{address:#x}: {gap}")]
    Gap {
        /// The address.
        address: u64,
        /// The gap in its page, or in a page table on the way to it.
        gap: Gap,
    },
}
