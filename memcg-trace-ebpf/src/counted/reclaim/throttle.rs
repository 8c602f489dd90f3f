//! Sleeps of tasks whose memcg is over memory.high.

use aya_ebpf::macros::{kprobe, map};
use aya_ebpf::maps::LruHashMap;
use aya_ebpf::programs::ProbeContext;
use memcg_trace_common::loss::Loss;
use memcg_trace_common::reclaim::{Reclaimer, kind};

use crate::counted::reclaim::reclaimer::{NOBODY, caller, is_of_this_task, key_of_run};
use crate::counted::reclaim::sums::count_run;
use crate::current::{now_ns, task_struct, this_task, user_ns};
use crate::layout::read::{LAYOUT, field, pointer, word};
use crate::maps::loss::lost;

/// More than the code size of `mem_cgroup_handle_over_high()`: user space checks the address, too.
const OVER_HIGH_BYTES: u64 = 4096;
/// Ancestors whose `memory.high` is read.
const LEVELS: u32 = 16;

/// Tasks that sleep because memory.high is exceeded. A row may stay behind when its task sleeps for
/// another reason.
#[map]
static THROTTLED: LruHashMap<u64, Reclaimer> = LruHashMap::with_max_entries(16384, 0);

/// `serial_nr` of the memcg that exceeds its `memory.high` by the largest fraction, from the task's
/// own memcg upwards (mm/memcontrol.c: mem_find_max_overage()); 0 if there is none.
#[inline(always)]
fn furthest_over_high(task: u64) -> u64 {
    let set = pointer(task, &LAYOUT.task_cgroups);
    let mut memcg = pointer(set, &LAYOUT.css_set_memory);
    let (mut furthest, mut most) = (0, 0);
    for _ in 0..LEVELS {
        if memcg == 0 {
            break;
        }
        let usage = pointer(memcg, &LAYOUT.memcg_memory_usage);
        let high = pointer(memcg, &LAYOUT.memcg_memory_high);
        // As the kernel does, with its 20 bits for the fraction; a limit of 0 counts as 1.
        let over = if usage > high {
            ((usage - high) << 20) / if high == 0 { 1 } else { high }
        } else {
            0
        };
        if over > most {
            most = over;
            furthest = pointer(memcg, &LAYOUT.css_serial_nr);
        }
        memcg = pointer(memcg, &LAYOUT.css_parent);
    }
    furthest
}

/// Returns whether `mem_cgroup_handle_over_high()` is the caller.
#[inline(always)]
fn is_over_high(caller: u64) -> bool {
    let over_high = word(&LAYOUT.sym_over_high);
    over_high != 0 && caller.wrapping_sub(over_high) < OVER_HIGH_BYTES
}

/// Times that this task has gone to sleep.
#[inline(always)]
fn sleeps() -> u64 {
    field(task_struct(), &LAYOUT.task_nvcsw).unwrap_or(0)
}

/// Returns whether a row is about the sleep that this task has just had: a single one.
#[inline(always)]
fn is_of_this_sleep(throttled: &Reclaimer) -> bool {
    is_of_this_task(throttled) && sleeps().wrapping_sub(throttled.sleeps) <= 1
}

/// `schedule_timeout_killable(timeout)`, where `mem_cgroup_handle_over_high()` calls it.
#[kprobe]
pub fn reclaim_throttle_begin(ctx: ProbeContext) -> u32 {
    let caller = caller(&ctx);
    if !is_over_high(caller) {
        return 0;
    }
    let throttled = Reclaimer {
        begin_ns: now_ns(),
        limit_serial_nr: furthest_over_high(task_struct()),
        caller,
        kind: kind::THROTTLE,
        task: task_struct(),
        user_ns: user_ns(),
        sleeps: sleeps(),
        ..NOBODY
    };
    if THROTTLED.insert(&this_task(), &throttled, 0).is_err() {
        lost(Loss::ReclaimRun, 1);
    }
    0
}

/// `psi_memstall_leave(flags)`, which follows that sleep.
#[kprobe]
pub fn reclaim_throttle_end(ctx: ProbeContext) -> u32 {
    // A row whose end was missed must not end with another stall of its task.
    if !is_over_high(caller(&ctx)) {
        return 0;
    }
    let (task, now) = (this_task(), now_ns());
    if let Some(throttled) = THROTTLED.get_ptr_mut(&task) {
        // SAFETY: the entry is this task's own.
        unsafe {
            if is_of_this_sleep(&*throttled) {
                let key = key_of_run(&*throttled);
                count_run(&key, now.saturating_sub((*throttled).begin_ns));
            } else {
                // Missed: the end of the sleep that is noted, and the start of this one.
                lost(Loss::ReclaimRun, 1);
            }
        }
        let _ = THROTTLED.remove(&task);
    }
    0
}
