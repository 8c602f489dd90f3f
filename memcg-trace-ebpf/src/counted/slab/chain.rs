//! Bulk frees loop by tail-calling the same program.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{PerCpuArray, ProgramArray};
use aya_ebpf::programs::ProbeContext;
use memcg_trace_common::loss::Loss;

use crate::maps::loss::lost;

/// The two programs that tail-call themselves.
#[map]
pub static SLAB_NEXT: ProgramArray = ProgramArray::with_max_entries(2, 0);
/// Index of the next object of a chain; 0 outside of a chain. An interrupt cannot interfere: the
/// kernel runs no kprobe program while one runs on the CPU.
#[map]
static SLAB_AT: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

/// Objects that one body counts. The kernel allows at least 32 tail calls, so 528 objects in all:
/// kfree_rcu() hands over a page of pointers, which is 510 (mm/slab_common.c:
/// KVFREE_BULK_MAX_ENTR).
pub const BODY: u64 = 16;
const BODIES: u64 = 33;
pub const NEXT_FREE_HOOK: u32 = 0;
pub const NEXT_FREE_BULK: u32 = 1;

/// The place of a chain on this CPU.
#[inline(always)]
pub fn chain_at() -> Option<&'static mut u64> {
    // SAFETY: a value of the map, and this CPU's own.
    SLAB_AT.get_ptr_mut(0).map(|at| unsafe { &mut *at })
}

/// Tail-calls a program; returns only on failure.
#[inline(always)]
pub fn tail_call(ctx: &ProbeContext, programs: &'static ProgramArray, next: u32) {
    // SAFETY: the map holds a program of this kind or nothing; on failure it returns.
    unsafe { programs.tail_call(ctx, next) };
}

/// Tail-calls the same program for the next objects; at the bound, counts the rest as lost.
#[inline(always)]
pub fn chain(
    ctx: &ProbeContext,
    programs: &'static ProgramArray,
    next: u32,
    at: &mut u64,
    objects: u64,
) {
    *at += BODY;
    if *at < objects && *at < BODY * BODIES {
        tail_call(ctx, programs, next);
    }
    lost(Loss::SlabBulk, objects.saturating_sub(*at));
    *at = 0;
}
