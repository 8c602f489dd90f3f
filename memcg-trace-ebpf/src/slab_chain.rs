//! Programs that look at many objects go on in themselves where one body ends.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{PerCpuArray, ProgramArray};
use aya_ebpf::programs::ProbeContext;
use memcg_trace_common::loss::Loss;

use crate::loss::lost;

/// The two programs that do so.
#[map]
static SLAB_NEXT: ProgramArray = ProgramArray::with_max_entries(2, 0);
/// Where the next body goes on; 0 outside of such a chain. An interrupt cannot come between:
/// the kernel runs no kprobe program while one runs on the CPU.
#[map]
static SLAB_AT: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

/// Objects that one body looks at. The kernel allows 32 more bodies at least, so 528 objects in all:
/// kfree_rcu() hands over a page of pointers, which is 510 (mm/slab_common.c:
/// KVFREE_BULK_MAX_ENTR).
pub const BODY: u64 = 16;
const BODIES: u64 = 33;
pub const NEXT_FREE_HOOK: u32 = 0;
pub const NEXT_FREE_BULK: u32 = 1;

/// Where a chain of bodies is.
#[inline(always)]
pub fn chain_at() -> Option<&'static mut u64> {
    // SAFETY: a value of the map, and this CPU's own.
    SLAB_AT.get_ptr_mut(0).map(|at| unsafe { &mut *at })
}

/// Goes on in another program, and returns only if it cannot.
#[inline(always)]
pub fn go_on(ctx: &ProbeContext, next: u32) {
    // SAFETY: the map holds a program of this kind or nothing; on failure it returns.
    unsafe { SLAB_NEXT.tail_call(ctx, next) };
}

/// Goes on with the same program, or gives up and says how much was left.
#[inline(always)]
pub fn chain(ctx: &ProbeContext, next: u32, at: &mut u64, objects: u64) {
    *at += BODY;
    if *at < objects && *at < BODY * BODIES {
        go_on(ctx, next);
    }
    lost(Loss::SlabBulk, objects.saturating_sub(*at));
    *at = 0;
}
