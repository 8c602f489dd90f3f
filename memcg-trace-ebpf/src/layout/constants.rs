//! Constants patched into instructions, and loads without a helper, for the hottest hooks.
//!
//! A field of the layout is named by its offset, such as `offset_of!(Layout, page_head)`. User
//! space finds these instructions in the object and patches them before the object is loaded
//! (memcg-trace/src/kernel/hooks/patch_object.rs).

use core::mem::offset_of;

use memcg_trace_common::layout::{CAST_LOADS, CONSTANT, Layout, RDONLY_CAST};

/// The value of [`constant`] for a field that this kernel does not have.
pub const NONE: u64 = u64::MAX;

/// A field of four bytes of the layout.
#[inline(always)]
pub fn constant<const FIELD: usize>() -> u64 {
    let value: u64;
    // SAFETY: one instruction, which sets a register.
    unsafe {
        core::arch::asm!(
            "{0} = {1}",
            out(reg) value,
            const CONSTANT | FIELD as i32,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    value
}

/// Returns whether any address can be read without a helper. If not, the verifier removes the code
/// behind this test, and these calls with it.
#[inline(always)]
pub fn has_cast() -> bool {
    constant::<{ offset_of!(Layout, word_type_id) }>() != NONE
}

/// The number that stands for a call of `bpf_rdonly_cast` before loads of these fields.
const fn cast(fields: [usize; CAST_LOADS]) -> i32 {
    RDONLY_CAST
        | (fields[0] / 4) as i32
        | (fields[1] / 4 << 8) as i32
        | (fields[2] / 4 << 16) as i32
}

/// Marks a load at the base address itself: no field is at offset 0 of the layout.
pub const AT_BASE: usize = 0;

/// Loads a word, where [`has_cast`]: a field of a struct of the kernel, or [`AT_BASE`]. This takes a
/// tenth of the time of a helper: the verifier replaces the call by a move, and takes the address
/// for that of a struct of words, so that the kernel guards the load. On a fault the word is 0
/// (arch/x86/net/bpf_jit_comp.c: BPF_PROBE_MEM).
#[inline(always)]
pub fn load<const FIELD: usize>(base: u64) -> u64 {
    let word: u64;
    // SAFETY: `bpf_rdonly_cast(base, type)`, then a load that cannot fault; as a call it may
    // change the registers of arguments.
    unsafe {
        core::arch::asm!(
            "call {call}",
            "r0 = *(u64 *)(r0 + 0)",
            call = const cast([FIELD, 0, 0]),
            inlateout("r1") base => _,
            inlateout("r2") constant::<{ offset_of!(Layout, word_type_id) }>() => _,
            lateout("r0") word,
            lateout("r3") _,
            lateout("r4") _,
            lateout("r5") _,
            options(nostack),
        );
    }
    word
}

/// Loads four bytes as [`load`] does.
#[inline(always)]
pub fn load_half<const FIELD: usize>(base: u64) -> u64 {
    let half: u64;
    // SAFETY: as in `load`.
    unsafe {
        core::arch::asm!(
            "call {call}",
            "w0 = *(u32 *)(r0 + 0)",
            call = const cast([FIELD, 0, 0]),
            inlateout("r1") base => _,
            inlateout("r2") constant::<{ offset_of!(Layout, word_type_id) }>() => _,
            lateout("r0") half,
            lateout("r3") _,
            lateout("r4") _,
            lateout("r5") _,
            options(nostack),
        );
    }
    half
}

/// Loads two words of one struct as [`load`] does.
#[inline(always)]
pub fn load_two<const A: usize, const B: usize>(base: u64) -> (u64, u64) {
    let (a, b): (u64, u64);
    // SAFETY: as in `load`.
    unsafe {
        core::arch::asm!(
            "call {call}",
            "r1 = *(u64 *)(r0 + 0)",
            "r0 = *(u64 *)(r0 + 0)",
            call = const cast([A, B, 0]),
            inlateout("r1") base => a,
            inlateout("r2") constant::<{ offset_of!(Layout, word_type_id) }>() => _,
            lateout("r0") b,
            lateout("r3") _,
            lateout("r4") _,
            lateout("r5") _,
            options(nostack),
        );
    }
    (a, b)
}
