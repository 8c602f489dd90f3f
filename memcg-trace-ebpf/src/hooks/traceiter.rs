//! Tracepoints by a kprobe at `__traceiter_*`, the function that calls their programs.
//!
//! Since 7.0 a program on a tracepoint may be preempted, and until its task runs again the kernel
//! skips all runs of the program on that CPU (kernel/trace/bpf_trace.c: __bpf_trace_run()). A
//! program on a kprobe is not preempted. The kernel calls the only program of a tracepoint
//! directly, and calls `__traceiter_*` if there are two (kernel/tracepoint.c:
//! tracepoint_add_func()): so two programs are attached that do nothing.

use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::{ProbeContext, RawTracePointContext};

use crate::layout::read::read;

/// Arguments in registers after the first one, `data`, which the tracepoint does not have.
const IN_REGISTERS: usize = 5;

/// An argument of the tracepoint of `__traceiter_…(data, …)` (include/linux/tracepoint.h:
/// __DEFINE_TRACE_EXT()). In an argument shorter than a word, the upper bytes are undefined.
#[inline(always)]
pub fn arg(ctx: &ProbeContext, at: usize) -> u64 {
    if at < IN_REGISTERS {
        return ctx.arg(at + 1).unwrap_or(0);
    }
    // SAFETY: the context is readable.
    let stack = unsafe { (*ctx.regs).rsp };
    // The first word is the return address.
    let word = (at - IN_REGISTERS + 1) * size_of::<u64>();
    read(stack.wrapping_add(word as u64)).unwrap_or(0)
}

/// Does nothing.
#[raw_tracepoint(tracepoint = "mm_shrink_slab_start")]
pub fn iterate(_ctx: RawTracePointContext) -> i32 {
    0
}
