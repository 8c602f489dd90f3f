//! Tracepoints by a kprobe at the function that goes through their programs.
//!
//! Since 7.0 a program on a tracepoint may be preempted, and until its task runs again the kernel
//! passes over all runs of it on that CPU (kernel/trace/bpf_trace.c: __bpf_trace_run()). One on a
//! kprobe is not preempted. The kernel calls the only program of a tracepoint directly, and goes
//! through them if there are two (kernel/tracepoint.c: tracepoint_add_func()): so there are two,
//! which do nothing.

use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::{ProbeContext, RawTracePointContext};

use crate::read::read;

/// Arguments in registers, after the first one, which is none of the tracepoint's.
const IN_REGISTERS: usize = 5;

/// An argument of the tracepoint at whose `__traceiter_…(data, …)` this is
/// (include/linux/tracepoint.h: __DEFINE_TRACE_EXT()). Of one that is shorter than a word, the
/// upper bytes are anything.
#[inline(always)]
pub fn arg(ctx: &ProbeContext, at: usize) -> u64 {
    if at < IN_REGISTERS {
        return ctx.arg(at + 1).unwrap_or(0);
    }
    // SAFETY: the context is readable.
    let stack = unsafe { (*ctx.regs).rsp };
    // The first word is where the function goes back to.
    let word = (at - IN_REGISTERS + 1) * size_of::<u64>();
    read(stack.wrapping_add(word as u64)).unwrap_or(0)
}

/// Does nothing.
#[raw_tracepoint(tracepoint = "mm_shrink_slab_start")]
pub fn iterate(_ctx: RawTracePointContext) -> i32 {
    0
}
