//! Waits for sleeping locks. A wait in progress has a slot in `WAITS`; when the wait ends, it is
//! added to the sums in `LOCKS`. These paths are taken only when a task cannot get a lock, but on a
//! busy host that is all the time: what a query can read later is not noted here.

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::macros::{kprobe, map, raw_tracepoint};
use aya_ebpf::maps::{HashMap, PerCpuHashMap};
use aya_ebpf::programs::{ProbeContext, RawTracePointContext};
use memcg_trace_common::histogram::Histogram;
use memcg_trace_common::lock::{LOCK_ROWS, LockCount, LockKey, Wait, flags};
use memcg_trace_common::loss::Loss;

use crate::counted::locks::holds;
use crate::counted::locks::wait_slots;
use crate::counted::locks::waiters::Waiters;
use crate::counted::memcgs::serial_nr_of_task;
use crate::current::{now_ns, task_struct, this_task};
use crate::layout::read::{LAYOUT, field, word};
use crate::maps::counter::add;
use crate::maps::histogram::count_time;
use crate::maps::loss::lost;

#[map]
static LOCKS: PerCpuHashMap<LockKey, LockCount> = PerCpuHashMap::with_max_entries(LOCK_ROWS, 0);
/// Durations of finished waits, by lock. The map is large, so all CPUs share it: a waiter has lost
/// more time than the shared update takes.
#[map]
static LOCK_TIMES: HashMap<u64, Histogram> = HashMap::with_max_entries(1024, 0);
/// Flags that distinguish kinds of locks.
const KIND: u32 = flags::PERCPU | flags::MUTEX | flags::RT | flags::RWSEM;

/// Notes that a task could not get a lock at once.
#[inline(always)]
fn begin(lock: u64, flags: u32) {
    let (tid, task) = (this_task() as u32, task_struct());
    let Some(wait) = wait_slots::to_fill(tid) else {
        lost(Loss::LockWait, 1);
        return;
    };
    // SAFETY: a value of the map, and this task's own, which nobody else changes.
    unsafe {
        if (*wait).lock != 0 {
            // A mutex fires twice for one wait: first for spinning, then for sleeping.
            if (*wait).lock == lock && flags & flags::SPIN == 0 && (*wait).flags & flags::SPIN != 0
            {
                (*wait).flags = flags;
                return;
            }
            ended_unseen(wait);
        }
        *wait = Wait {
            lock,
            begin_ns: now_ns(),
            released_ns: 0,
            task,
            tid,
            flags,
        };
    }
}

/// Closes a wait whose end no hook sees, when its task begins another wait: it lasted until the
/// last release of its lock at which the task was queued.
///
/// # Safety
/// `wait` must be a value of the map, and this task's own.
#[inline(always)]
unsafe fn ended_unseen(wait: *const Wait) {
    // SAFETY: the caller's promise.
    unsafe {
        let measured = (*wait).released_ns > (*wait).begin_ns;
        let waited_ns = (*wait).released_ns.wrapping_sub((*wait).begin_ns);
        count(wait, measured.then_some(waited_ns));
    }
}

/// The sums of waits for a lock.
#[inline(always)]
fn counter(key: &LockKey) -> Option<*mut LockCount> {
    if let Some(counter) = LOCKS.get_ptr_mut(key) {
        return Some(counter);
    }
    let zero = LockCount {
        waits: 0,
        wait_ns: 0,
        max_ns: 0,
        unmeasured: 0,
    };
    // Another CPU may insert first: then its zeroed entry serves this CPU, too.
    let _ = LOCKS.insert(key, &zero, u64::from(BPF_NOEXIST));
    LOCKS.get_ptr_mut(key).or_else(|| {
        // The map is full: one row, made at the start, stands for all other locks.
        lost(Loss::LockMap, 1);
        LOCKS.get_ptr_mut(LockKey {
            lock: 0,
            memcg_serial_nr: 0,
            kind: 0,
        })
    })
}

/// Counts a wait that has ended.
///
/// # Safety
/// `wait` must be a value of the map, and this task's own.
#[inline(always)]
unsafe fn count(wait: *const Wait, waited_ns: Option<u64>) {
    // SAFETY: the caller's promise, and values of maps.
    unsafe {
        let key = LockKey {
            lock: (*wait).lock,
            memcg_serial_nr: serial_nr_of_task((*wait).task),
            kind: u64::from((*wait).flags & KIND),
        };
        let Some(counter) = counter(&key) else {
            return;
        };
        add(&raw mut (*counter).waits, 1);
        match waited_ns {
            Some(waited_ns) => {
                count_time(&LOCK_TIMES, &key.lock, waited_ns);
                add(&raw mut (*counter).wait_ns, waited_ns);
                if (*counter).max_ns < waited_ns {
                    (*counter).max_ns = waited_ns;
                }
            }
            None => add(&raw mut (*counter).unmeasured, 1),
        }
    }
}

/// The owner word of a lock without its flags: the address of the holder's task; 0 if there is
/// none.
#[inline(always)]
pub fn owner(lock: u64, kind: u32) -> u64 {
    /// In the low bits (kernel/locking/mutex.c, rwsem.c).
    const OWNER_FLAGS: u64 = 7;
    let word = if kind & flags::MUTEX != 0 {
        field(lock, &LAYOUT.mutex_owner)
    } else if kind & flags::RWSEM != 0 {
        field(lock, &LAYOUT.rwsem_owner)
    } else {
        None
    };
    word.unwrap_or(0) & !OWNER_FLAGS
}

/// `contention_begin(lock, flags)`.
#[raw_tracepoint(tracepoint = "contention_begin")]
pub fn lock_begin(ctx: RawTracePointContext) -> i32 {
    let mut flags: u32 = ctx.arg(1);
    // Spinlocks fire this tracepoint, too. They are not traced: their waits are short, and hot.
    if flags & flags::SPIN != 0 && flags & flags::MUTEX == 0 {
        return 0;
    }
    if flags & (flags::MUTEX | flags::PERCPU | flags::RT) == 0
        && flags & (flags::READ | flags::WRITE) != 0
    {
        flags |= flags::RWSEM;
    }
    begin(ctx.arg(0), flags);
    0
}

/// `contention_end(lock, ret)`.
#[raw_tracepoint(tracepoint = "contention_end")]
pub fn lock_end(ctx: RawTracePointContext) -> i32 {
    let tid = this_task() as u32;
    let lock: u64 = ctx.arg(0);
    let Some(wait) = wait_slots::of(tid, lock) else {
        return 0;
    };
    let now = now_ns();
    // SAFETY: a value of the map, and this task's own, which nobody else changes.
    unsafe {
        count(wait, Some(now.saturating_sub((*wait).begin_ns)));
        if (*wait).flags & flags::PERCPU != 0 || lock == word(&LAYOUT.sym_cgroup_mutex) {
            holds::acquired(lock, (*wait).task, now);
        }
        (*wait).lock = 0;
    }
    0
}

/// `__mutex_lock_slowpath(lock)` and its two siblings.
#[kprobe]
pub fn lock_mutex_slow(ctx: ProbeContext) -> u32 {
    begin(ctx.arg(0).unwrap_or(0), flags::MUTEX);
    0
}

/// `rwsem_down_read_slowpath(sem, …)`.
#[kprobe]
pub fn lock_rwsem_read_slow(ctx: ProbeContext) -> u32 {
    begin(ctx.arg(0).unwrap_or(0), flags::RWSEM | flags::READ);
    0
}

/// `rwsem_down_write_slowpath(sem, …)`.
#[kprobe]
pub fn lock_rwsem_write_slow(ctx: ProbeContext) -> u32 {
    begin(ctx.arg(0).unwrap_or(0), flags::RWSEM | flags::WRITE);
    0
}

/// `percpu_rwsem_wait(sem, reader, …)`.
#[kprobe]
pub fn lock_percpu_wait(ctx: ProbeContext) -> u32 {
    let reader: u32 = ctx.arg(1).unwrap_or(0);
    let mode = if reader & 1 != 0 {
        flags::READ
    } else {
        flags::WRITE
    };
    begin(ctx.arg(0).unwrap_or(0), flags::PERCPU | mode);
    0
}

/// Notes the release of a contended lock with its queued waiters. At least one of them will get the
/// lock; the others are noted again at the next release.
#[inline(always)]
fn released(lock: u64, kind: u32) {
    let now = now_ns();
    let Some(mut waiters) = Waiters::of(lock, kind) else {
        return;
    };
    for _ in 0..Waiters::MAX_RETURNED {
        let task = waiters.next();
        if task == 0 {
            return;
        }
        let tid: u32 = field(task, &LAYOUT.task_pid).unwrap_or(0);
        if let Some(wait) = wait_slots::of(tid, lock) {
            // SAFETY: a value of the map; a race with the end of the owner's wait only loses this
            // note.
            unsafe { (*wait).released_ns = now };
        }
    }
}

/// `__mutex_unlock_slowpath(lock, …)`.
#[kprobe]
pub fn lock_mutex_released(ctx: ProbeContext) -> u32 {
    released(ctx.arg(0).unwrap_or(0), flags::MUTEX);
    0
}

/// `rwsem_wake(sem, …)`.
#[kprobe]
pub fn lock_rwsem_released(ctx: ProbeContext) -> u32 {
    released(ctx.arg(0).unwrap_or(0), flags::RWSEM);
    0
}

/// `percpu_up_write(sem)`.
#[kprobe]
pub fn lock_percpu_released(ctx: ProbeContext) -> u32 {
    released(ctx.arg(0).unwrap_or(0), flags::PERCPU);
    0
}
