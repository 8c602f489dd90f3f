//! Runs of reclaim from start to end, and the memcgs that they visit. Starts are entries of functions
//! and tracepoints, ends are tracepoints: none of them is lost, however many tasks sleep in between.

use aya_ebpf::macros::{kprobe, raw_tracepoint};
use aya_ebpf::programs::{ProbeContext, RawTracePointContext};
use memcg_trace_common::loss::Loss;
use memcg_trace_common::reclaim::{Reclaimer, kind};

use crate::counted::reclaim::reclaimer::{
    NOBODY, PF_KSWAPD, PF_KTHREAD, RECLAIMERS, caller, is_of_this_task, is_ours, key_of_run,
    key_of_visit, task_flags,
};
use crate::counted::reclaim::sums::{count_run, counter};
use crate::current::{now_ns, task_struct, this_task, user_ns};
use crate::layout::read::{LAYOUT, field, offset, pointer, value};
use crate::maps::counter::add;
use crate::maps::loss::lost;

/// The argument number of the list in `mm_vmscan_lru_isolate`, where `isolate_mode` comes before
/// it.
const MODE_BEFORE_LRU: u32 = 7;

/// Counts a reclaim of this task whose end was not seen, since the kernel skipped the program
/// (`missed_runs`, `missed_kprobe_runs`). The last event seen in the reclaim is near its end.
#[inline(always)]
fn end_missed(task: u64) {
    // SAFETY: the entry is this task's own, which nobody else removes.
    let Some(left) = (unsafe { RECLAIMERS.get(&task) }) else {
        return;
    };
    if left.begin_ns != 0 && is_of_this_task(left) {
        count_run(
            &key_of_run(left),
            left.seen_ns.saturating_sub(left.begin_ns),
        );
    }
}

#[inline(always)]
fn begin(kind: u32, caller: u64, limit: u64) {
    end_missed(this_task());
    let reclaimer = Reclaimer {
        begin_ns: now_ns(),
        limit_serial_nr: pointer(limit, &LAYOUT.css_serial_nr),
        caller,
        kind,
        is_kthread: u32::from(task_flags() & PF_KTHREAD != 0),
        task: task_struct(),
        user_ns: user_ns(),
        ..NOBODY
    };
    if RECLAIMERS.insert(&this_task(), &reclaimer, 0).is_err() {
        lost(Loss::ReclaimRun, 1);
    }
}

/// Ends the visit of reclaim to a memcg.
///
/// # Safety
/// `reclaimer` must be this task's own value of the map.
#[inline(always)]
unsafe fn end_visit(reclaimer: *mut Reclaimer, now_ns: u64) {
    // SAFETY: the caller's promise.
    unsafe {
        if (*reclaimer).visit_ns == 0 {
            return;
        }
        let took_ns = now_ns.saturating_sub((*reclaimer).visit_ns);
        (*reclaimer).visit_ns = 0;
        (*reclaimer).seen_ns = now_ns;
        if let Some(counter) = counter(&key_of_visit(&*reclaimer)) {
            add(&raw mut (*counter).visit_ns, took_ns);
        }
    }
}

/// `try_to_free_mem_cgroup_pages(memcg, …)`, called for a limit or by a user.
#[kprobe]
pub fn reclaim_memcg_begin(ctx: ProbeContext) -> u32 {
    begin(kind::MEMCG, caller(&ctx), ctx.arg(0).unwrap_or(0));
    0
}

/// `mm_vmscan_direct_reclaim_begin` and `mm_vmscan_node_reclaim_begin`: their arguments have had
/// two orders, and are not needed.
#[raw_tracepoint(tracepoint = "mm_vmscan_direct_reclaim_begin")]
pub fn reclaim_direct_begin(_ctx: RawTracePointContext) -> i32 {
    begin(kind::DIRECT, 0, 0);
    0
}

/// `mm_vmscan_direct_reclaim_begin` and `mm_vmscan_node_reclaim_begin` at their `__traceiter_*`
/// functions.
#[kprobe]
pub fn reclaim_direct_begin_iterated(_ctx: ProbeContext) -> u32 {
    begin(kind::DIRECT, 0, 0);
    0
}

#[inline(always)]
fn end() {
    let (task, now) = (this_task(), now_ns());
    // None if the reclaim began before the probes were attached, or was counted as lost when it
    // began.
    if let Some(reclaimer) = RECLAIMERS.get_ptr_mut(&task) {
        // SAFETY: the entry is this task's own, which nobody else removes.
        unsafe {
            if is_ours(&*reclaimer) {
                end_visit(reclaimer, now);
                let key = key_of_run(&*reclaimer);
                count_run(&key, now.saturating_sub((*reclaimer).begin_ns));
            } else {
                end_missed(task);
            }
        }
        let _ = RECLAIMERS.remove(&task);
    }
}

/// The ends of direct, node and memcg reclaim.
#[raw_tracepoint(tracepoint = "mm_vmscan_direct_reclaim_end")]
pub fn reclaim_end(_ctx: RawTracePointContext) -> i32 {
    end();
    0
}

/// The ends of direct, node and memcg reclaim at their `__traceiter_*` functions.
#[kprobe]
pub fn reclaim_end_iterated(_ctx: ProbeContext) -> u32 {
    end();
    0
}

/// `shrink_lruvec(lruvec, sc)`, and `shrink_one(lruvec, sc)` where MGLRU reclaims for the whole
/// host: reclaim starts to visit the lists of one memcg on one node.
#[kprobe]
pub fn reclaim_visit(ctx: ProbeContext) -> u32 {
    let (task, now) = (this_task(), now_ns());
    let lruvec: u64 = ctx.arg(0).unwrap_or(0);
    if RECLAIMERS.get_ptr_mut(&task).is_none() {
        if task_flags() & PF_KSWAPD == 0 {
            // The reclaim began before the probes were attached, or was counted as lost when it
            // began.
            return 0;
        }
        let kswapd = Reclaimer {
            kind: kind::KSWAPD,
            is_kthread: 1,
            ..NOBODY
        };
        if RECLAIMERS.insert(&task, &kswapd, 0).is_err() {
            lost(Loss::ReclaimRun, 1);
            return 0;
        }
    }
    let Some(reclaimer) = RECLAIMERS.get_ptr_mut(&task) else {
        return 0;
    };
    let node = lruvec.wrapping_sub(offset(&LAYOUT.node_lruvec));
    let memcg = pointer(node, &LAYOUT.node_memcg);
    // SAFETY: the entry is this task's own, which nobody else removes.
    unsafe {
        end_visit(reclaimer, now);
        (*reclaimer).visit_ns = now;
        (*reclaimer).visit_serial_nr = pointer(memcg, &LAYOUT.css_serial_nr);
        (*reclaimer).is_mglru =
            u64::from(field::<u8>(lruvec, &LAYOUT.lruvec_mglru_enabled).unwrap_or(0));
        // On kernels with this argument, MGLRU has no tracepoints.
        (*reclaimer).control = match value(&LAYOUT.isolate_lru_arg) {
            MODE_BEFORE_LRU if (*reclaimer).is_mglru != 0 => ctx.arg(1).unwrap_or(0),
            _ => 0,
        };
        let control = (*reclaimer).control;
        (*reclaimer).scanned_pages = pointer(control, &LAYOUT.scan_nr_scanned);
        (*reclaimer).reclaimed_pages = pointer(control, &LAYOUT.scan_nr_reclaimed);
        if let Some(counter) = counter(&key_of_visit(&*reclaimer)) {
            add(&raw mut (*counter).visits, 1);
        }
    }
    0
}

/// `vmpressure(…)`, which reclaim calls at the end of a visit to a memcg, and `kswapd_sleep`.
#[kprobe]
pub fn reclaim_visit_end(_ctx: ProbeContext) -> u32 {
    if let Some(reclaimer) = RECLAIMERS.get_ptr_mut(&this_task()) {
        // SAFETY: the entry is this task's own, which nobody else removes.
        unsafe { end_visit(reclaimer, now_ns()) };
    }
    0
}
