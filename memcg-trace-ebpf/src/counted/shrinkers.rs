//! Shrinker runs, counted per shrinker, memcg, node and cause. The start and the end of a run are
//! paired by task, since before 7.2 the end does not say which memcg it was for.

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::bpf_get_current_comm;
use aya_ebpf::macros::{kprobe, map, raw_tracepoint};
use aya_ebpf::maps::{HashMap, PerCpuHashMap};
use aya_ebpf::programs::{ProbeContext, RawTracePointContext};
use memcg_trace_common::histogram::Histogram;
use memcg_trace_common::loss::Loss;
use memcg_trace_common::shrinker::{
    LIGHT_PRIORITY, PRIORITIES, SHRINKER_ROWS, ShrinkerCount, ShrinkerKey, ShrinkerRun,
};

use crate::counted::reclaim::begun_by;
use crate::current::{now_ns, task_struct, this_task, user_ns};
use crate::hooks::traceiter::arg;
use crate::layout::read::{LAYOUT, field, pointer};
use crate::maps::counter::{add, add_u32};
use crate::maps::histogram::count_time;
use crate::maps::loss::lost;

#[map]
static SHRINKERS: PerCpuHashMap<ShrinkerKey, ShrinkerCount> =
    PerCpuHashMap::with_max_entries(SHRINKER_ROWS, 0);
/// Rows are shared by all CPUs, since they are large: additions are atomic.
#[map]
static SHRINKER_TIMES: HashMap<ShrinkerKey, Histogram> = HashMap::with_max_entries(8192, 0);
#[map]
static SHRINKER_RUNS: HashMap<u64, ShrinkerRun> = HashMap::with_max_entries(4096, 0);

#[inline(always)]
fn key(shrinker: u64, control: u64) -> ShrinkerKey {
    let (kind, caller) = begun_by();
    ShrinkerKey {
        shrinker,
        memcg_serial_nr: pointer(
            pointer(control, &LAYOUT.control_memcg),
            &LAYOUT.css_serial_nr,
        ),
        caller,
        node: field(control, &LAYOUT.control_nid).unwrap_or(0),
        kind,
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
        runs: 0,
        seen_ns: 0,
        freeable_objects: 0,
        deferred_objects: 0,
        light_scanned_objects: 0,
        light_freed_objects: 0,
        light_due_objects: 0,
        light_deferred_objects: 0,
        priorities: [0; PRIORITIES + 1],
    };
    // Another CPU may insert first: then its zeroed entry serves this CPU, too.
    let _ = SHRINKERS.insert(key, &zero, u64::from(BPF_NOEXIST));
    let counter = SHRINKERS.get_ptr_mut(key);
    if counter.is_none() {
        lost(Loss::ShrinkerMap, 1);
    }
    counter
}

/// `do_shrink_slab(control, shrinker, priority)`: every call, including those that find nothing.
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

/// The arguments of `mm_shrink_slab_start` that are used.
struct Start {
    shrinker: u64,
    control: u64,
    deferred_objects: u64,
    freeable_objects: u64,
    total_scan: i64,
    priority: u32,
}

/// The arguments of `mm_shrink_slab_end` that are used.
struct End {
    shrinker: u64,
    freed: i32,
    deferred_objects: u64,
    left: i64,
}

#[inline(always)]
fn start(told: Start) {
    let (task, now) = (this_task(), now_ns());
    let priority = u64::from(told.priority);
    let freeable_objects = told.freeable_objects;
    // Without seeks, objects cost nothing to recreate, and half of them are due.
    let due_objects = match field::<u32>(told.shrinker, &LAYOUT.shrinker_seeks) {
        Some(seeks) if seeks > 0 => ((freeable_objects >> (priority & 63)) * 4) / u64::from(seeks),
        _ => freeable_objects / 2,
    };
    let run = ShrinkerRun {
        key: key(told.shrinker, told.control),
        begin_ns: now,
        total_scan: told.total_scan,
        freeable_objects,
        deferred_objects: told.deferred_objects,
        due_objects,
        priority,
        task: task_struct(),
        user_ns: user_ns(),
        comm: bpf_get_current_comm().unwrap_or_default(),
    };
    if SHRINKER_RUNS.insert(&task, &run, 0).is_err() {
        lost(Loss::ShrinkerRun, 1);
    }
}

/// `mm_shrink_slab_start(shrinker, control, nr_objects_to_shrink, cache_items, delta, total_scan,
/// priority, …)`.
#[raw_tracepoint(tracepoint = "mm_shrink_slab_start")]
pub fn shrinker_start(ctx: RawTracePointContext) -> i32 {
    start(Start {
        shrinker: ctx.arg(0),
        control: ctx.arg(1),
        deferred_objects: ctx.arg(2),
        freeable_objects: ctx.arg(3),
        total_scan: ctx.arg(5),
        priority: ctx.arg(6),
    });
    0
}

/// `mm_shrink_slab_start` at its `__traceiter_*` function.
#[kprobe]
pub fn shrinker_start_iterated(ctx: ProbeContext) -> u32 {
    start(Start {
        shrinker: arg(&ctx, 0),
        control: arg(&ctx, 1),
        deferred_objects: arg(&ctx, 2),
        freeable_objects: arg(&ctx, 3),
        total_scan: arg(&ctx, 5) as i64,
        priority: arg(&ctx, 6) as u32,
    });
    0
}

#[inline(always)]
fn end(told: End) {
    let (task, now) = (this_task(), now_ns());
    // SAFETY: the entry is this task's own, which nobody else removes.
    let Some(run) = (unsafe { SHRINKER_RUNS.get(&task) }).copied() else {
        // The run began before the probes were attached, or was counted as lost when it began.
        return;
    };
    let _ = SHRINKER_RUNS.remove(&task);
    // Missed: the end of the run that is noted, and the start of the run that ends now.
    let is_other = run.task != task_struct() || run.user_ns != user_ns();
    if run.key.shrinker != told.shrinker || is_other {
        lost(Loss::ShrinkerRun, 1);
        return;
    }
    let Some(counter) = counter(&run.key) else {
        return;
    };
    let scanned = (run.total_scan - told.left) as u64;
    let freed = told.freed as u64;
    let took_ns = now.saturating_sub(run.begin_ns);
    // SAFETY: a value of the map.
    unsafe {
        add(&raw mut (*counter).asked_objects, run.total_scan as u64);
        add(&raw mut (*counter).scanned_objects, scanned);
        add(&raw mut (*counter).freed_objects, freed);
        add(&raw mut (*counter).time_ns, took_ns);
        if (*counter).max_ns < took_ns {
            (*counter).max_ns = took_ns;
        }
        add(&raw mut (*counter).runs, 1);
        (*counter).seen_ns = now;
        (*counter).freeable_objects = run.freeable_objects;
        (*counter).deferred_objects = told.deferred_objects;
        if run.priority >= u64::from(LIGHT_PRIORITY) {
            add(&raw mut (*counter).light_scanned_objects, scanned);
            add(&raw mut (*counter).light_freed_objects, freed);
            add(&raw mut (*counter).light_due_objects, run.due_objects);
            add(
                &raw mut (*counter).light_deferred_objects,
                run.deferred_objects,
            );
        }
        if run.priority < PRIORITIES as u64 {
            let priorities = (&raw mut (*counter).priorities).cast::<u32>();
            add_u32(priorities.add(run.priority as usize), 1);
        }
    }
    count_time(&SHRINKER_TIMES, &run.key, took_ns);
}

/// `mm_shrink_slab_end(shrinker, nid, shrinker_retval, unused_scan, new_scan, total_scan, …)`.
#[raw_tracepoint(tracepoint = "mm_shrink_slab_end")]
pub fn shrinker_end(ctx: RawTracePointContext) -> i32 {
    end(End {
        shrinker: ctx.arg(0),
        freed: ctx.arg(2),
        deferred_objects: ctx.arg(4),
        left: ctx.arg(5),
    });
    0
}

/// `mm_shrink_slab_end` at its `__traceiter_*` function.
#[kprobe]
pub fn shrinker_end_iterated(ctx: ProbeContext) -> u32 {
    end(End {
        shrinker: arg(&ctx, 0),
        freed: arg(&ctx, 2) as i32,
        deferred_objects: arg(&ctx, 4),
        left: arg(&ctx, 5) as i64,
    });
    0
}
