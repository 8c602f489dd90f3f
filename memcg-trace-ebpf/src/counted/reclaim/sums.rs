//! Sums of the waits in reclaim: by memcg and cause, and by task.

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::bpf_get_current_comm;
use aya_ebpf::macros::map;
use aya_ebpf::maps::{HashMap, LruHashMap, PerCpuHashMap};
use memcg_trace_common::histogram::Histogram;
use memcg_trace_common::loss::Loss;
use memcg_trace_common::reclaim::{
    RECLAIM_ROWS, ReclaimCount, ReclaimKey, StalledKey, StalledTask,
};

use crate::current::{task_struct, this_task};
use crate::layout::read::{LAYOUT, field};
use crate::maps::counter::add;
use crate::maps::histogram::count_time;
use crate::maps::loss::lost;

#[map]
static RECLAIM: PerCpuHashMap<ReclaimKey, ReclaimCount> =
    PerCpuHashMap::with_max_entries(RECLAIM_ROWS, 0);
/// Rows are shared by all CPUs, since they are large: additions are atomic.
#[map]
static STALL_TIMES: HashMap<ReclaimKey, Histogram> = HashMap::with_max_entries(4096, 0);
/// LRU: only the tasks that waited longest are shown, so rows of short waits may be lost.
#[map]
static STALLED_TASKS: LruHashMap<StalledKey, StalledTask> = LruHashMap::with_max_entries(4096, 0);

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
