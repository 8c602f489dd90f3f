//! Reads of kernel memory on behalf of user space, which knows the layout. There are three shapes:
//! a range, the same bytes at each of many addresses, and the nodes of a list.
//!
//! Every read may fail, since an address may be stale. A run reads at most 64 KiB, which takes some
//! tens of microseconds.

use core::ffi::c_void;

use aya_ebpf::bindings::BPF_F_MMAPABLE;
use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use aya_ebpf::macros::{map, raw_tracepoint};
use aya_ebpf::maps::{Array, ProgramArray};
use aya_ebpf::programs::RawTracePointContext;
use memcg_trace_common::peek::{PEEK_ADDRESSES, PEEK_BYTES, PEEK_EACH_BYTES, Peek};

use crate::layout::read::read;

#[map]
static PEEK: Array<Peek> = Array::with_max_entries(1, BPF_F_MMAPABLE);
/// `peek_each` and `peek_chain`, for tail calls.
#[map]
static PEEK_NEXT: ProgramArray = ProgramArray::with_max_entries(2, 0);

/// Steps in one program body, each of which the kernel verifies anew; it allows at least 32 tail
/// calls in a run, which is enough for all addresses.
const STEPS: u32 = 16;

#[inline(always)]
fn peek() -> Option<&'static mut Peek> {
    let peek = PEEK.get_ptr_mut(0)?;
    // SAFETY: a value of the map; user space waits until the run has ended.
    Some(unsafe { &mut *peek })
}

/// Clears all bits of a number except those of `MASK`, by an instruction that the compiler cannot
/// prove needless and leave out: the verifier does not know what the compiler knows, and older
/// verifiers forget the bounds of a register that was on the stack.
#[inline(always)]
fn masked<const MASK: u64>(number: u64) -> u64 {
    let mut masked = number;
    // SAFETY: changes that register only.
    unsafe { core::arch::asm!("{0} &= {1}", inout(reg) masked, const MASK) };
    masked
}

/// Index of an address.
#[inline(always)]
fn slot(at: usize) -> usize {
    masked::<{ PEEK_ADDRESSES as u64 - 1 }>(at as u64) as usize
}

/// Reads `bytes` at `address`.
#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn peek_range(_ctx: RawTracePointContext) -> i32 {
    let Some(peek) = peek() else {
        return 0;
    };
    let bytes = peek.bytes;
    if bytes as usize > PEEK_BYTES {
        return 0;
    }
    // SAFETY: `data` is at least that long; the helper reads safely at any address.
    let failed = unsafe {
        bpf_probe_read_kernel(
            peek.data.as_mut_ptr().cast::<c_void>(),
            bytes,
            peek.address as *const c_void,
        )
    };
    peek.faults = u32::from(failed != 0);
    0
}

/// Reads `bytes` at each of the addresses.
#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn peek_each(ctx: RawTracePointContext) -> i32 {
    let Some(peek) = peek() else {
        return 0;
    };
    let bytes = peek.bytes;
    if bytes as usize > PEEK_EACH_BYTES {
        return 0;
    }
    for _ in 0..STEPS {
        let at = peek.done as usize;
        if peek.done >= peek.count || at >= PEEK_ADDRESSES {
            return 0;
        }
        let at = slot(at);
        // SAFETY: in bounds, see `slot`; the helper reads safely at any address.
        unsafe {
            let address = peek.addresses.as_mut_ptr().add(at);
            let data = peek.data.as_mut_ptr().add(at * PEEK_EACH_BYTES);
            let bytes = masked::<{ 2 * PEEK_EACH_BYTES as u64 - 1 }>(u64::from(bytes)) as u32;
            if bpf_probe_read_kernel(data.cast::<c_void>(), bytes, *address as *const c_void) != 0 {
                *address = 0;
                peek.faults += 1;
            }
        }
        peek.done += 1;
    }
    // SAFETY: the map holds this program or nothing; on failure it returns.
    unsafe { PEEK_NEXT.tail_call(&ctx, 0) };
    0
}

/// Follows a list from `address`, until `end`, 0, or the maximum number of nodes.
#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn peek_chain(ctx: RawTracePointContext) -> i32 {
    let Some(peek) = peek() else {
        return 0;
    };
    let next = u64::from(peek.bytes);
    for _ in 0..STEPS {
        let at = peek.count as usize;
        let node = peek.address;
        if node == 0 || node == peek.end || at >= PEEK_ADDRESSES {
            return 0;
        }
        // SAFETY: in bounds, see `slot`.
        unsafe { *peek.addresses.as_mut_ptr().add(slot(at)) = node };
        peek.count += 1;
        peek.address = match read(node.wrapping_add(next)) {
            Some(next) => next,
            None => {
                peek.faults += 1;
                0
            }
        };
    }
    // SAFETY: as above.
    unsafe { PEEK_NEXT.tail_call(&ctx, 1) };
    0
}
