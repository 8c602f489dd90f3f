//! The row that a task in reclaim has: the cause, and the memcg that reclaim is visiting, for the
//! pages and shrinkers that follow.

use aya_ebpf::macros::{kprobe, map};
use aya_ebpf::maps::{HashMap, LruHashMap};
use aya_ebpf::programs::ProbeContext;
use memcg_trace_common::reclaim::{ReclaimKey, Reclaimer, kind};

use crate::counted::memcgs::serial_nr_of_task;
use crate::current::{now_ns, task_struct, this_task, user_ns};
use crate::layout::read::{LAYOUT, field, read};

/// `PF_KSWAPD` and `PF_KTHREAD` (include/linux/sched.h).
pub const PF_KSWAPD: u32 = 0x0002_0000;
pub const PF_KTHREAD: u32 = 0x0020_0000;

#[map]
pub static RECLAIMERS: HashMap<u64, Reclaimer> = HashMap::with_max_entries(16384, 0);
/// Tasks that wrote to drop_caches, with the time.
#[map]
static DROPPERS: LruHashMap<u64, u64> = LruHashMap::with_max_entries(256, 0);

#[inline(always)]
pub fn task_flags() -> u32 {
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
pub fn is_ours(reclaimer: &Reclaimer) -> bool {
    is_of_this_task(reclaimer) && (reclaimer.begin_ns == 0 || reclaimer.user_ns == user_ns())
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

/// `drop_slab()`: shrinkers run without reclaim.
#[kprobe]
pub fn reclaim_drop(_ctx: ProbeContext) -> u32 {
    let _ = DROPPERS.insert(&this_task(), &now_ns(), 0);
    0
}
