//! The size of a page (x86-64).

pub(super) const PAGE: u64 = 4096;
pub(super) const PAGE_BYTES: usize = PAGE as usize;
