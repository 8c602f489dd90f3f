//! The memory allocator of this program.

/// A block of this size and more is a mapping of its own.
const LARGE_BYTES: libc::c_int = 256 << 10;

/// Gives large blocks back to the kernel when they are freed.
///
/// Left alone, glibc does so only until the first of them are freed, and then takes others like them
/// from its heap (malloc/malloc.c: `mp_.mmap_threshold`): the gaps that snapshots leave there double
/// the memory of a program that runs for long.
pub fn give_back_large_blocks() {
    for parameter in [libc::M_MMAP_THRESHOLD, libc::M_TRIM_THRESHOLD] {
        // SAFETY: the call sets a number of the allocator, under the allocator's own lock.
        unsafe { libc::mallopt(parameter, LARGE_BYTES) };
    }
}
