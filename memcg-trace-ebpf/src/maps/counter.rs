//! Additions to counters in maps.

/// Adds to a counter that only this CPU writes, except that an interrupt on it may, too.
///
/// # Safety
/// `counter` must be a valid, aligned map value.
#[inline(always)]
pub unsafe fn add(counter: *mut u64, n: u64) {
    // The compiler has no atomic addition for this target, while every kernel has (BPF_XADD).
    // SAFETY: the caller's promise; one instruction, which the verifier checks.
    unsafe {
        core::arch::asm!("lock *(u64 *)({0} + 0) += {1}", in(reg) counter, in(reg) n);
    }
}

/// As [`add`], to a counter of four bytes.
///
/// # Safety
/// As for [`add`].
#[inline(always)]
pub unsafe fn add_u32(counter: *mut u32, n: u64) {
    // SAFETY: the caller's promise; one instruction, which the verifier checks.
    unsafe {
        core::arch::asm!("lock *(u32 *)({0} + 0) += {1}", in(reg) counter, in(reg) n);
    }
}
