//! Counting in per-CPU maps.

use memcg_trace_common::times::{CLASSES, class_of};

/// Adds to a counter that only this CPU writes, but an interrupt on it may, too.
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

/// Counts a time in its class.
///
/// # Safety
/// `counts` must be valid, aligned counters of a map value.
#[inline(always)]
pub unsafe fn add_time(counts: *mut [u64; CLASSES], ns: u64) {
    let mut class = class_of(ns) as u64;
    // The compiler knows that this is in bounds and leaves a mask out; the verifier of 5.10 does
    // not, and wants one.
    // SAFETY: arithmetic on a register.
    unsafe { core::arch::asm!("{0} &= {1}", inout(reg) class, const CLASSES - 1) };
    // SAFETY: the caller's promise, and in bounds.
    unsafe { add(counts.cast::<u64>().add(class as usize), 1) };
}
