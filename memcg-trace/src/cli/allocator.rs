//! The memory allocator of this program.

#[cfg(feature = "live")]
pub(super) use crate::kernel::host::allocator::give_back_large_blocks;

/// The build without a kernel has no unsafe code, and leaves it alone.
#[cfg(not(feature = "live"))]
pub(super) fn give_back_large_blocks() {}
