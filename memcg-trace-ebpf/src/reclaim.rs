//! Reclaim: waiting tasks, the cause, and the memcgs that lose pages.
//!
//! A task in reclaim has a row of its own from start to end. Starts are entries of functions and
//! tracepoints, ends are tracepoints: none of them is lost, however many tasks sleep in between.
//! The row also has the memcg that reclaim is visiting, for the pages and shrinkers that follow.

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::bpf_get_current_comm;
use aya_ebpf::macros::{kprobe, map, raw_tracepoint};
use aya_ebpf::maps::{HashMap, LruHashMap, PerCpuHashMap};
use aya_ebpf::programs::{ProbeContext, RawTracePointContext};
use memcg_trace_common::loss::Loss;
use memcg_trace_common::reclaim::{
    RECLAIM_ROWS, ReclaimCount, ReclaimKey, Reclaimer, StalledKey, StalledTask, kind,
};
use memcg_trace_common::times::Times;

use crate::counter::add;
use crate::current::{now_ns, task_struct, this_task, user_ns};
use crate::loss::lost;
use crate::memcg::serial_nr_of_task;
use crate::read::{LAYOUT, field, offset, pointer, read, value};
use crate::times::count_time;

/// `PF_KSWAPD` and `PF_KTHREAD` (include/linux/sched.h).
const PF_KSWAPD: u32 = 0x0002_0000;
const PF_KTHREAD: u32 = 0x0020_0000;
/// The argument number of the list in `mm_vmscan_lru_isolate`, where `isolate_mode` comes before
/// it.
const MODE_BEFORE_LRU: u32 = 7;

#[map]
static RECLAIM: PerCpuHashMap<ReclaimKey, ReclaimCount> =
    PerCpuHashMap::with_max_entries(RECLAIM_ROWS, 0);
/// Rows are shared by all CPUs, since they are large: additions are atomic.
#[map]
static STALL_TIMES: HashMap<ReclaimKey, Times> = HashMap::with_max_entries(4096, 0);
#[map]
pub static RECLAIMERS: HashMap<u64, Reclaimer> = HashMap::with_max_entries(16384, 0);
/// Tasks that wrote to drop_caches, with the time.
#[map]
static DROPPERS: LruHashMap<u64, u64> = LruHashMap::with_max_entries(256, 0);
/// LRU: only the tasks that waited longest are shown, so rows of short waits may be lost.
#[map]
static STALLED_TASKS: LruHashMap<StalledKey, StalledTask> = LruHashMap::with_max_entries(4096, 0);

#[inline(always)]
fn task_flags() -> u32 {
    field(task_struct(), &LAYOUT.task_flags).unwrap_or(0)
}

/// The initial row of a task.
pub const NOBODY: Reclaimer = Reclaimer {
    begin_ns: 0,
    limit_serial_nr: 0,
    caller: 0,
    kind: kind::UNKNOWN,
    is_kthread: 0,
    seen_ns: 0,
    visit_ns: 0,
    visit_serial_nr: 0,
    is_mglru: 0,
    control: 0,
    scanned_pages: 0,
    reclaimed_pages: 0,
    task: 0,
    user_ns: 0,
    sleeps: 0,
};

/// The return address, at the entry of a function.
#[inline(always)]
pub fn caller(ctx: &ProbeContext) -> u64 {
    // SAFETY: the context is readable.
    read(unsafe { (*ctx.regs).rsp }).unwrap_or(0)
}

/// Kind and caller of the reclaim that this task is in.
#[inline(always)]
pub fn begun_by() -> (u32, u64) {
    let task = this_task();
    // SAFETY: the entry is this task's own, which nobody else removes.
    if let Some(reclaimer) = unsafe { RECLAIMERS.get(&task) }
        && is_ours(reclaimer)
    {
        return (reclaimer.kind, reclaimer.caller);
    }
    if task_flags() & PF_KSWAPD != 0 {
        return (kind::KSWAPD, 0);
    }
    // SAFETY: as above.
    if unsafe { DROPPERS.get(&task) }.is_some() {
        return (kind::DROP_CACHES, 0);
    }
    (kind::UNKNOWN, 0)
}

/// Returns whether this task wrote the row: an earlier task may have had the same number. A row of
/// kswapd has no start time.
#[inline(always)]
pub fn is_of_this_task(reclaimer: &Reclaimer) -> bool {
    let start_ns = field(task_struct(), &LAYOUT.task_start_time).unwrap_or(0);
    reclaimer.begin_ns == 0 || reclaimer.begin_ns > start_ns
}

/// Returns whether the row is about the reclaim that this task is in. A task that has run in user
/// space since the row began has left that reclaim.
#[inline(always)]
fn is_ours(reclaimer: &Reclaimer) -> bool {
    is_of_this_task(reclaimer) && (reclaimer.begin_ns == 0 || reclaimer.user_ns == user_ns())
}

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

/// The key for the wait of a task; a kernel thread works for the memcg that is over its limit.
#[inline(always)]
pub fn key_of_run(reclaimer: &Reclaimer) -> ReclaimKey {
    ReclaimKey {
        memcg_serial_nr: if reclaimer.is_kthread != 0 && reclaimer.limit_serial_nr != 0 {
            reclaimer.limit_serial_nr
        } else {
            serial_nr_of_task(task_struct())
        },
        limit_serial_nr: reclaimer.limit_serial_nr,
        caller: reclaimer.caller,
        kind: reclaimer.kind,
        is_kthread: reclaimer.is_kthread,
    }
}

/// The key for the memcg that reclaim is visiting.
#[inline(always)]
pub fn key_of_visit(reclaimer: &Reclaimer) -> ReclaimKey {
    ReclaimKey {
        memcg_serial_nr: reclaimer.visit_serial_nr,
        limit_serial_nr: reclaimer.limit_serial_nr,
        caller: reclaimer.caller,
        kind: reclaimer.kind,
        is_kthread: reclaimer.is_kthread,
    }
}

#[inline(always)]
pub fn counter(key: &ReclaimKey) -> Option<*mut ReclaimCount> {
    if let Some(counter) = RECLAIM.get_ptr_mut(key) {
        return Some(counter);
    }
    let zero = ReclaimCount {
        runs: 0,
        run_ns: 0,
        max_ns: 0,
        visits: 0,
        visit_ns: 0,
        scanned_pages: 0,
        reclaimed_pages: 0,
    };
    // Another CPU may insert first: then its zeroed entry serves this CPU, too.
    let _ = RECLAIM.insert(key, &zero, u64::from(BPF_NOEXIST));
    let counter = RECLAIM.get_ptr_mut(key);
    if counter.is_none() {
        lost(Loss::ReclaimMap, 1);
    }
    counter
}

/// Adds a wait to the sums, and to those of its task.
#[inline(always)]
pub fn count_run(key: &ReclaimKey, took_ns: u64) {
    if let Some(counter) = counter(key) {
        // SAFETY: a value of the map.
        unsafe {
            add(&raw mut (*counter).runs, 1);
            add(&raw mut (*counter).run_ns, took_ns);
            if (*counter).max_ns < took_ns {
                (*counter).max_ns = took_ns;
            }
        }
    }
    count_time(&STALL_TIMES, key, took_ns);
    if key.is_kthread != 0 {
        return;
    }
    let task = StalledKey {
        task: this_task(),
        memcg_serial_nr: key.memcg_serial_nr,
    };
    let start_ns = field(task_struct(), &LAYOUT.task_start_time).unwrap_or(0);
    if let Some(stalled) = STALLED_TASKS.get_ptr_mut(&task) {
        // SAFETY: a value of the map; this task is the only one to write it.
        unsafe {
            if (*stalled).start_ns == start_ns {
                (*stalled).stalls += 1;
                (*stalled).stall_ns += took_ns;
                if (*stalled).max_ns < took_ns {
                    (*stalled).max_ns = took_ns;
                }
                return;
            }
        }
    }
    let stalled = StalledTask {
        stalls: 1,
        stall_ns: took_ns,
        max_ns: took_ns,
        start_ns,
        comm: bpf_get_current_comm().unwrap_or_default(),
    };
    let _ = STALLED_TASKS.insert(&task, &stalled, 0);
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

/// `drop_slab()`: shrinkers run without reclaim.
#[kprobe]
pub fn reclaim_drop(_ctx: ProbeContext) -> u32 {
    let _ = DROPPERS.insert(&this_task(), &now_ns(), 0);
    0
}
