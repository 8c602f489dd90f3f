//! The things that references point to.

/// The kind of thing that a reference points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::kernel::pins) enum Kind {
    /// `struct inode`: `i_count`.
    Inode,
    /// `struct dentry`: `d_lockref.count`.
    Dentry,
    /// `struct file`: `f_count`, `f_ref`.
    File,
    /// `struct sock`: `sk_refcnt`. If the socket has a file, the file's count is used instead.
    Sock,
    /// `struct fsnotify_group`: the count of its file.
    Watches,
    /// The first `struct page` of a folio that belongs to no file: `_refcount`. All folios of one
    /// object that pins are parts of its first folio.
    Folio,
}

impl Kind {
    /// The thing at an address.
    pub(in crate::kernel::pins) fn at(self, address: u64) -> Thing {
        Thing {
            kind: self,
            address,
        }
    }
}

/// A kernel object that can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::kernel::pins) struct Thing {
    pub(in crate::kernel::pins) kind: Kind,
    pub(in crate::kernel::pins) address: u64,
}

/// Folios of one `anon_vma`.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernel::pins) struct Anon {
    /// May be freed, and its memory in use for something else.
    pub(in crate::kernel::pins) anon_vma: u64,
    /// Index of the first and the last page that the `anon_vma` can map.
    pub(in crate::kernel::pins) first: u64,
    pub(in crate::kernel::pins) last: u64,
}

/// A folio that was merged with others of the same contents.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernel::pins) struct Merged {
    /// `struct ksm_stable_node`.
    pub(in crate::kernel::pins) node: u64,
    pub(in crate::kernel::pins) folio: Thing,
}
