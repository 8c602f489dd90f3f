//! Pages that reclaim scans and reclaims, by the memcg that it visits.

use aya_ebpf::macros::{kprobe, raw_tracepoint};
use aya_ebpf::programs::{ProbeContext, RawTracePointContext};
use memcg_trace_common::reclaim::ReclaimCount;

use crate::counted::reclaim::reclaimer::{RECLAIMERS, key_of_visit};
use crate::counted::reclaim::sums::counter;
use crate::current::this_task;
use crate::hooks::traceiter::arg;
use crate::layout::read::{LAYOUT, pointer};
use crate::maps::counter::add;

/// The counter of the memcg that this task's reclaim visits.
#[inline(always)]
fn visited() -> Option<(*mut ReclaimCount, bool)> {
    // SAFETY: the entry is this task's own, which nobody else removes.
    let reclaimer = unsafe { RECLAIMERS.get(&this_task()) }?;
    if reclaimer.visit_ns == 0 {
        return None;
    }
    let is_mglru = reclaimer.is_mglru != 0;
    Some((counter(&key_of_visit(reclaimer))?, is_mglru))
}

/// Counts scanned pages: pages that were examined, or with MGLRU pages that were isolated
/// (mm/vmscan.c: shrink_inactive_list(), scan_folios()).
#[inline(always)]
fn isolated(lru: u32, scanned: u64, taken: u64) {
    // Active lists have odd numbers (include/linux/mmzone.h), and are aged, not reclaimed.
    if lru & 1 != 0 {
        return;
    }
    if let Some((counter, is_mglru)) = visited() {
        let pages = if is_mglru { taken } else { scanned };
        // SAFETY: a value of the map.
        unsafe { add(&raw mut (*counter).scanned_pages, pages) };
    }
}

/// `mm_vmscan_lru_isolate(highest_zoneidx, order, nr_requested, nr_scanned, nr_skipped, nr_taken,
/// lru)`.
#[raw_tracepoint(tracepoint = "mm_vmscan_lru_isolate")]
pub fn reclaim_isolate(ctx: RawTracePointContext) -> i32 {
    isolated(ctx.arg(6), ctx.arg(3), ctx.arg(5));
    0
}

/// `mm_vmscan_lru_isolate` at its `__traceiter_*` function.
#[kprobe]
pub fn reclaim_isolate_iterated(ctx: ProbeContext) -> u32 {
    isolated(arg(&ctx, 6) as u32, arg(&ctx, 3), arg(&ctx, 5));
    0
}

/// `mm_vmscan_lru_isolate` with `isolate_mode` before `lru`.
#[raw_tracepoint(tracepoint = "mm_vmscan_lru_isolate")]
pub fn reclaim_isolate_mode(ctx: RawTracePointContext) -> i32 {
    isolated(ctx.arg(7), ctx.arg(3), ctx.arg(5));
    0
}

#[inline(always)]
fn shrunk(reclaimed: u64) {
    if let Some((counter, _)) = visited() {
        // SAFETY: a value of the map.
        unsafe { add(&raw mut (*counter).reclaimed_pages, reclaimed) };
    }
}

/// `mm_vmscan_lru_shrink_inactive(nid, nr_scanned, nr_reclaimed, …)`.
#[raw_tracepoint(tracepoint = "mm_vmscan_lru_shrink_inactive")]
pub fn reclaim_shrunk(ctx: RawTracePointContext) -> i32 {
    shrunk(ctx.arg(2));
    0
}

/// `mm_vmscan_lru_shrink_inactive` at its `__traceiter_*` function.
#[kprobe]
pub fn reclaim_shrunk_iterated(ctx: ProbeContext) -> u32 {
    shrunk(arg(&ctx, 2));
    0
}

/// `shrink_slab(…)`, which reclaim calls after the lists of a memcg: where MGLRU has no
/// tracepoints, the pages taken from its lists are the growth of the sums of the reclaim (struct
/// scan_control).
#[kprobe]
pub fn reclaim_lists_done(_ctx: ProbeContext) -> u32 {
    let Some(reclaimer) = RECLAIMERS.get_ptr_mut(&this_task()) else {
        return 0;
    };
    // SAFETY: the entry is this task's own, which nobody else removes.
    unsafe {
        let control = (*reclaimer).control;
        if control == 0 || (*reclaimer).visit_ns == 0 {
            return 0;
        }
        (*reclaimer).control = 0;
        let scanned = pointer(control, &LAYOUT.scan_nr_scanned);
        let reclaimed = pointer(control, &LAYOUT.scan_nr_reclaimed);
        if let Some(counter) = counter(&key_of_visit(&*reclaimer)) {
            let scanned_pages = scanned.saturating_sub((*reclaimer).scanned_pages);
            let reclaimed_pages = reclaimed.saturating_sub((*reclaimer).reclaimed_pages);
            add(&raw mut (*counter).scanned_pages, scanned_pages);
            add(&raw mut (*counter).reclaimed_pages, reclaimed_pages);
        }
    }
    0
}
