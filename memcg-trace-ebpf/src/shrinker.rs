//! Shrinker runs, counted per shrinker, memcg and node. The start and the end of a run are
//! paired by task, since before 7.2 the end does not say which memcg it was for.

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::generated::{bpf_get_current_pid_tgid, bpf_ktime_get_ns};
use aya_ebpf::macros::{kprobe, map, raw_tracepoint};
use aya_ebpf::maps::{HashMap, PerCpuHashMap};
use aya_ebpf::programs::{ProbeContext, RawTracePointContext};
use memcg_trace_common::loss::Loss;
use memcg_trace_common::shrinker::{ShrinkerCount, ShrinkerKey, ShrinkerRun};

use crate::counter::add;
use crate::loss::lost;
use crate::read::{LAYOUT, field, pointer};

#[map]
static SHRINKERS: PerCpuHashMap<ShrinkerKey, ShrinkerCount> =
    PerCpuHashMap::with_max_entries(16384, 0);
#[map]
static SHRINKER_RUNS: HashMap<u64, ShrinkerRun> = HashMap::with_max_entries(4096, 0);

#[inline(always)]
fn key(shrinker: u64, control: u64) -> ShrinkerKey {
    ShrinkerKey {
        shrinker,
        memcg_serial_nr: pointer(
            pointer(control, &LAYOUT.control_memcg),
            &LAYOUT.css_serial_nr,
        ),
        node: u64::from(field::<u32>(control, &LAYOUT.control_nid).unwrap_or(0)),
    }
}

#[inline(always)]
fn counter(key: &ShrinkerKey) -> Option<*mut ShrinkerCount> {
    if let Some(counter) = SHRINKERS.get_ptr_mut(key) {
        return Some(counter);
    }
    let zero = ShrinkerCount {
        calls: 0,
        asked_objects: 0,
        scanned_objects: 0,
        freed_objects: 0,
        time_ns: 0,
        max_ns: 0,
    };
    // Another CPU may be first: then its zeroed entry for this CPU is what we want.
    let _ = SHRINKERS.insert(key, &zero, u64::from(BPF_NOEXIST));
    let counter = SHRINKERS.get_ptr_mut(key);
    if counter.is_none() {
        lost(Loss::ShrinkerMap, 1);
    }
    counter
}

/// `do_shrink_slab(control, shrinker, priority)`: every call, also those that find nothing.
#[kprobe]
pub fn shrinker_call(ctx: ProbeContext) -> u32 {
    let (Some(control), Some(shrinker)) = (ctx.arg::<u64>(0), ctx.arg::<u64>(1)) else {
        return 0;
    };
    if let Some(counter) = counter(&key(shrinker, control)) {
        // SAFETY: a value of the map.
        unsafe { add(&raw mut (*counter).calls, 1) };
    }
    0
}

/// `mm_shrink_slab_start(shrinker, control, nr_objects_to_shrink, cache_items, delta, total_scan,
/// priority, …)`.
#[raw_tracepoint(tracepoint = "mm_shrink_slab_start")]
pub fn shrinker_start(ctx: RawTracePointContext) -> i32 {
    // SAFETY: these helpers have no preconditions.
    let (task, now) = unsafe { (bpf_get_current_pid_tgid(), bpf_ktime_get_ns()) };
    let run = ShrinkerRun {
        key: key(ctx.arg(0), ctx.arg(1)),
        begin_ns: now,
        total_scan: ctx.arg(5),
    };
    if SHRINKER_RUNS.insert(&task, &run, 0).is_err() {
        lost(Loss::ShrinkerRun, 1);
    }
    0
}

/// `mm_shrink_slab_end(shrinker, nid, shrinker_retval, unused_scan, new_scan, total_scan, …)`.
#[raw_tracepoint(tracepoint = "mm_shrink_slab_end")]
pub fn shrinker_end(ctx: RawTracePointContext) -> i32 {
    // SAFETY: these helpers have no preconditions.
    let (task, now) = unsafe { (bpf_get_current_pid_tgid(), bpf_ktime_get_ns()) };
    let shrinker: u64 = ctx.arg(0);
    // SAFETY: the entry is this task's own, which nobody else removes.
    let Some(run) = (unsafe { SHRINKER_RUNS.get(&task) }).copied() else {
        // It began before we were attached, or was counted as lost when it began.
        return 0;
    };
    let _ = SHRINKER_RUNS.remove(&task);
    if run.key.shrinker != shrinker {
        lost(Loss::ShrinkerRun, 1);
        return 0;
    }
    let Some(counter) = counter(&run.key) else {
        return 0;
    };
    let (freed, left): (i32, i64) = (ctx.arg(2), ctx.arg(5));
    let took_ns = now.saturating_sub(run.begin_ns);
    // SAFETY: a value of the map.
    unsafe {
        add(&raw mut (*counter).asked_objects, run.total_scan as u64);
        add(
            &raw mut (*counter).scanned_objects,
            (run.total_scan - left) as u64,
        );
        add(&raw mut (*counter).freed_objects, freed as u64);
        add(&raw mut (*counter).time_ns, took_ns);
        if (*counter).max_ns < took_ns {
            (*counter).max_ns = took_ns;
        }
    }
    0
}
