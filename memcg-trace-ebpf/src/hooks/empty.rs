//! Empty programs: the minimum cost of a hook, for the benchmark.

use aya_ebpf::macros::{fentry, kprobe, raw_tracepoint};
use aya_ebpf::programs::{FEntryContext, ProbeContext, RawTracePointContext};

/// A tracepoint.
#[raw_tracepoint(tracepoint = "kmem_cache_alloc")]
pub fn empty_tracepoint(_ctx: RawTracePointContext) -> i32 {
    0
}

/// A kprobe.
#[kprobe]
pub fn empty_kprobe(_ctx: ProbeContext) -> u32 {
    0
}

/// A trampoline.
#[fentry(function = "__memcg_slab_free_hook")]
pub fn empty_fentry(_ctx: FEntryContext) -> i32 {
    0
}
