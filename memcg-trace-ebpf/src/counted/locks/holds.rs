//! Holders that can be seen cheaply: writers of percpu-rwsems (no field of theirs names the
//! writer), and readers of `mem_hotplug_lock`. All these functions are called rarely. Their returns are not hooked, so an entry says that a task
//! asked for the lock, and a walk finds out whether the task has it. `cgroup_mutex` is traced only
//! on request, since the hooks fire for every mutex.

use aya_ebpf::helpers::bpf_get_current_comm;
use aya_ebpf::macros::{kprobe, map};
use aya_ebpf::maps::{Array, PerCpuArray};
use aya_ebpf::programs::ProbeContext;
use aya_ebpf::programs::tracing::StackIdContext as _;
use memcg_trace_common::hold::{Held, HeldCount, Hold, NO_STACK};
use memcg_trace_common::lock::flags;

use crate::counted::locks::hold_slots;
use crate::counted::locks::offline;
use crate::counted::locks::stacks::{ENTRY, LOCK_STACKS};
use crate::current::{now_ns, task_struct, this_task, user_ns};
use crate::layout::read::{LAYOUT, word};
use crate::maps::counter::add;
use crate::maps::histogram::add_time;

/// Holds that ended.
#[map]
static HELD: PerCpuArray<HeldCount> = PerCpuArray::with_max_entries(Held::ALL.len() as u32, 0);
/// Time of the last release of `cgroup_mutex`: its present holder got it later.
#[map]
static CGROUP_MUTEX_FREE: Array<u64> = Array::with_max_entries(1, 0);

/// The stack of a request for a lock, only for locks whose holders are reported. Each creation of a
/// cgroup and each move into one takes `cgroup_threadgroup_rwsem`, and a stack is most of the cost
/// of such an event.
#[inline(always)]
fn stack_of(ctx: &ProbeContext, lock: u64) -> u64 {
    if lock != word(&LAYOUT.sym_mem_hotplug_lock) && lock != word(&LAYOUT.sym_cgroup_mutex) {
        return NO_STACK;
    }
    match ctx.get_stackid(&LOCK_STACKS, ENTRY) {
        Ok(stack) => stack as u64,
        Err(_) => NO_STACK,
    }
}

#[inline(always)]
fn asked(ctx: &ProbeContext, lock: u64, flags: u32) {
    let (task, tid) = (task_struct(), this_task() as u32);
    let Some(hold) = hold_slots::to_fill(lock, task) else {
        return;
    };
    let comm = bpf_get_current_comm().unwrap_or_default();
    let stack = stack_of(ctx, lock);
    let now = now_ns();
    // SAFETY: a value of the map. Of two tasks that take the same slot at once, one loses its note.
    unsafe {
        *hold = Hold {
            lock,
            task,
            asked_ns: now,
            since_ns: now,
            stack,
            user_ns: user_ns(),
            flags,
            tid,
            comm,
        };
    }
}

/// A wait for a lock has ended: if holds of the lock are traced, the hold begins now.
#[inline(always)]
pub fn acquired(lock: u64, task: u64, now: u64) {
    if let Some(hold) = hold_slots::of(lock, task) {
        // SAFETY: a value of the map, and this task's own.
        unsafe { (*hold).since_ns = now };
    }
}

#[inline(always)]
fn release(lock: u64) {
    let task = task_struct();
    let Some(hold) = hold_slots::of(lock, task) else {
        return;
    };
    // SAFETY: a value of the map, and this task's own.
    let (how, mut since_ns) = unsafe {
        (*hold).lock = 0;
        ((*hold).flags, (*hold).since_ns)
    };
    if lock != word(&LAYOUT.sym_mem_hotplug_lock) && lock != word(&LAYOUT.sym_cgroup_mutex) {
        return;
    }
    let now = now_ns();
    let held = if lock == word(&LAYOUT.sym_cgroup_mutex) {
        if let Some(free_ns) = CGROUP_MUTEX_FREE.get_ptr_mut(0) {
            // SAFETY: a value of the map; a lock held for writing has one holder.
            unsafe {
                since_ns = since_ns.max(*free_ns);
                *free_ns = now;
            }
        }
        Held::CgroupMutex
    } else if how & flags::WRITE != 0 {
        Held::HotplugWrite
    } else {
        Held::HotplugRead
    };
    count(held, now.saturating_sub(since_ns));
}

#[inline(always)]
fn count(held: Held, held_ns: u64) {
    let Some(counter) = HELD.get_ptr_mut(held as u32) else {
        return;
    };
    // SAFETY: a value of the map.
    unsafe {
        add(&raw mut (*counter).holds, 1);
        add(&raw mut (*counter).hold_ns, held_ns);
        add_time(&raw mut (*counter).times, held_ns);
        if (*counter).max_ns < held_ns {
            (*counter).max_ns = held_ns;
        }
    }
}

/// `mutex_lock(lock)` and its siblings: fires for every mutex; filters for `cgroup_mutex`. A
/// trylock may fail, and then has no release.
#[kprobe]
pub fn acquire_mutex(ctx: ProbeContext) -> u32 {
    let lock: u64 = ctx.arg(0).unwrap_or(0);
    if lock != 0 && lock == word(&LAYOUT.sym_cgroup_mutex) {
        asked(&ctx, lock, flags::MUTEX | flags::WRITE);
    }
    0
}

/// `mutex_unlock(lock)`.
#[kprobe]
pub fn acquire_mutex_done(ctx: ProbeContext) -> u32 {
    let lock: u64 = ctx.arg(0).unwrap_or(0);
    if lock != 0 && lock == word(&LAYOUT.sym_cgroup_mutex) {
        release(lock);
    }
    0
}

/// `percpu_down_write(sem)`.
#[kprobe]
pub fn hold_percpu_write(ctx: ProbeContext) -> u32 {
    let lock = ctx.arg(0).unwrap_or(0);
    asked(&ctx, lock, flags::PERCPU | flags::WRITE);
    0
}

/// `percpu_up_write(sem)`.
#[kprobe]
pub fn hold_percpu_done(ctx: ProbeContext) -> u32 {
    let lock: u64 = ctx.arg(0).unwrap_or(0);
    release(lock);
    if lock == word(&LAYOUT.sym_mem_hotplug_lock) {
        offline::ended();
    }
    0
}

/// `get_online_mems()`.
#[kprobe]
pub fn hold_mems_read(ctx: ProbeContext) -> u32 {
    let lock = word(&LAYOUT.sym_mem_hotplug_lock);
    asked(&ctx, lock, flags::PERCPU | flags::READ);
    0
}

/// `put_online_mems()`.
#[kprobe]
pub fn hold_mems_done(_ctx: ProbeContext) -> u32 {
    release(word(&LAYOUT.sym_mem_hotplug_lock));
    0
}
