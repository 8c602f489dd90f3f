//! Waits for sleeping locks. A wait that goes on is an entry in `WAITS`; when it ends, it is
//! added to the sums in `LOCKS`. These paths are taken only when a task cannot get a lock.

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::bpf_get_current_comm;
use aya_ebpf::helpers::generated::{
    bpf_get_current_pid_tgid, bpf_get_current_task, bpf_ktime_get_ns,
};
use aya_ebpf::macros::{kprobe, map, raw_tracepoint};
use aya_ebpf::maps::{HashMap, PerCpuHashMap};
use aya_ebpf::programs::{ProbeContext, RawTracePointContext};
use memcg_trace_common::COMM_BYTES;
use memcg_trace_common::lock::{LockCount, LockKey, Wait, flags};
use memcg_trace_common::loss::Loss;
use memcg_trace_common::times::Times;

use crate::counter::add;
use crate::hold;
use crate::loss::lost;
use crate::memcg::serial_nr_of_task;
use crate::read::{LAYOUT, field, has, offset, read};
use crate::times::count_time;

#[map]
static WAITS: HashMap<u32, Wait> = HashMap::with_max_entries(8192, 0);
#[map]
static LOCKS: PerCpuHashMap<LockKey, LockCount> = PerCpuHashMap::with_max_entries(8192, 0);
/// How long waits lasted that ended, by lock. Not per CPU, for it is large: who waited for a lock
/// has lost more time than this takes.
#[map]
static LOCK_TIMES: HashMap<u64, Times> = HashMap::with_max_entries(1024, 0);
/// Owner words keep flags in their low bits (kernel/locking/mutex.c, rwsem.c).
const OWNER_FLAGS: u64 = 7;
/// What tells one kind of lock from another.
const KIND: u32 = flags::PERCPU | flags::MUTEX | flags::RT | flags::RWSEM;

#[inline(always)]
fn now_ns() -> u64 {
    // SAFETY: no preconditions.
    unsafe { bpf_ktime_get_ns() }
}

#[inline(always)]
fn owner_word(lock: u64, kind: u32) -> u64 {
    let word = if kind & flags::MUTEX != 0 {
        field(lock, &LAYOUT.mutex_owner)
    } else if kind & flags::RWSEM != 0 {
        field(lock, &LAYOUT.rwsem_owner)
    } else {
        None
    };
    word.unwrap_or(0)
}

#[inline(always)]
fn switches(task: u64) -> u64 {
    field::<u64>(task, &LAYOUT.task_nvcsw).unwrap_or(0)
        + field::<u64>(task, &LAYOUT.task_nivcsw).unwrap_or(0)
}

/// A task that could not get a lock at once.
#[inline(always)]
fn begin(lock: u64, flags: u32) {
    // SAFETY: these helpers have no preconditions.
    let (ids, task) = unsafe { (bpf_get_current_pid_tgid(), bpf_get_current_task()) };
    let tid = ids as u32;
    if let Some(wait) = WAITS.get_ptr_mut(&tid) {
        // SAFETY: the entry is this task's own, which nobody else changes.
        unsafe {
            // A mutex says twice that it waits: spinning, then sleeping.
            if (*wait).lock == lock && flags & flags::SPIN == 0 && (*wait).flags & flags::SPIN != 0
            {
                (*wait).flags = flags;
                return;
            }
            ended_unseen(&*wait);
        }
    }
    let owner = owner_word(lock, flags);
    let holder = owner & !OWNER_FLAGS;
    let wait = Wait {
        lock,
        begin_ns: now_ns(),
        released_ns: 0,
        task,
        start_ns: field(task, &LAYOUT.task_start_time).unwrap_or(0),
        switches: switches(task),
        memcg_serial_nr: serial_nr_of_task(task),
        owner,
        flags,
        pid: (ids >> 32) as u32,
        tid,
        owner_tid: if holder == 0 {
            0
        } else {
            field(holder, &LAYOUT.task_pid).unwrap_or(0)
        },
        comm: bpf_get_current_comm().unwrap_or_default(),
        owner_comm: if holder == 0 {
            [0; COMM_BYTES]
        } else {
            field(holder, &LAYOUT.task_comm).unwrap_or_default()
        },
    };
    if WAITS.insert(&tid, &wait, 0).is_err() {
        lost(Loss::LockWait, 1);
    }
}

/// A wait whose end no hook sees is over when its task begins another one: it lasted until its
/// lock was last let go of while the task stood in line.
#[inline(always)]
fn ended_unseen(wait: &Wait) {
    if wait.released_ns > wait.begin_ns {
        count(wait, Some(wait.released_ns - wait.begin_ns));
    } else {
        count(wait, None);
    }
}

#[inline(always)]
fn count(wait: &Wait, waited_ns: Option<u64>) {
    let mut key = LockKey {
        lock: wait.lock,
        memcg_serial_nr: wait.memcg_serial_nr,
        kind: u64::from(wait.flags & KIND),
    };
    let zero = LockCount {
        waits: 0,
        wait_ns: 0,
        max_ns: 0,
        unmeasured: 0,
    };
    if LOCKS.get_ptr_mut(&key).is_none()
        && LOCKS.insert(&key, &zero, u64::from(BPF_NOEXIST)).is_err()
        && LOCKS.get_ptr_mut(&key).is_none()
    {
        // The map is full: one row, made at the start, stands for all other locks.
        key = LockKey {
            lock: 0,
            memcg_serial_nr: 0,
            kind: 0,
        };
        lost(Loss::LockMap, 1);
    }
    let Some(counter) = LOCKS.get_ptr_mut(&key) else {
        return;
    };
    // SAFETY: a value of the map.
    unsafe {
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

/// Whether a thread is seen to wait for a lock.
#[inline(always)]
pub fn waits_for(tid: u32, lock: u64) -> bool {
    match WAITS.get_ptr(&tid) {
        // SAFETY: a value of the map; its task is this one, or sleeps.
        Some(wait) => unsafe { (*wait).lock == lock },
        None => false,
    }
}

/// `contention_begin(lock, flags)`.
#[raw_tracepoint(tracepoint = "contention_begin")]
pub fn lock_begin(ctx: RawTracePointContext) -> i32 {
    let mut flags: u32 = ctx.arg(1);
    // Spinlocks say so here, too, and are none of ours: their waits are short, and hot.
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
    // SAFETY: no preconditions.
    let tid = unsafe { bpf_get_current_pid_tgid() } as u32;
    let lock: u64 = ctx.arg(0);
    let Some(wait) = WAITS.get_ptr_mut(&tid) else {
        return 0;
    };
    // SAFETY: the entry is this task's own, which nobody else changes.
    unsafe {
        if (*wait).lock != lock {
            return 0;
        }
        let now = now_ns();
        count(&*wait, Some(now.saturating_sub((*wait).begin_ns)));
        if (*wait).flags & (flags::MUTEX | flags::PERCPU) != 0 {
            hold::acquired(lock, now);
        }
    }
    let _ = WAITS.remove(&tid);
    0
}

/// `__mutex_lock_slowpath(lock)` and its two sisters.
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

/// The list of those who wait for a lock, by what it is.
pub struct Waiters {
    /// Entry to stop at: the head of the list, or the first of a ring.
    end: u64,
    /// The entry to look at next; 0 if the list is empty or cannot be read.
    at: u64,
    /// From an entry to its task.
    task: u64,
    /// Whether `end` itself is a waiter that has not been looked at.
    ring: bool,
}

impl Waiters {
    /// Waiters that are looked at.
    pub const MOST: u32 = 16;

    /// Until 7.0 a lock has the head of a list, later the first of a ring. `None` if this kernel
    /// has neither, or the kind of lock is not known.
    #[inline(always)]
    pub fn of(lock: u64, kind: u32) -> Option<Self> {
        if kind & flags::PERCPU != 0 {
            let task = offset(&LAYOUT.queue_private).wrapping_sub(offset(&LAYOUT.queue_entry));
            return Self::list(lock, &LAYOUT.percpu_waiters, task);
        }
        let task = offset(&LAYOUT.waiter_task).wrapping_sub(offset(&LAYOUT.waiter_list));
        let (list, first) = if kind & flags::MUTEX != 0 {
            (&LAYOUT.mutex_wait_list, &LAYOUT.mutex_first_waiter)
        } else if kind & flags::RWSEM != 0 {
            (&LAYOUT.rwsem_wait_list, &LAYOUT.rwsem_first_waiter)
        } else {
            return None;
        };
        if has(list) {
            return Self::list(lock, list, task);
        }
        let first: u64 = field(lock, first)?;
        let at = if first == 0 {
            0
        } else {
            first + offset(&LAYOUT.waiter_list)
        };
        Some(Self {
            end: at,
            at,
            task,
            ring: first != 0,
        })
    }

    #[inline(always)]
    fn list(lock: u64, list: &u32, task: u64) -> Option<Self> {
        let end = lock + offset(list);
        Some(Self {
            end,
            at: field(lock, list)?,
            task,
            ring: false,
        })
    }

    /// Address of the next waiting task; 0 after the last.
    #[inline(always)]
    pub fn next(&mut self) -> u64 {
        if self.at == 0 || (self.at == self.end && !self.ring) {
            return 0;
        }
        self.ring = false;
        let task: u64 = read(self.at.wrapping_add(self.task)).unwrap_or(0);
        self.at = read(self.at).unwrap_or(0);
        task
    }
}

/// A lock that somebody waits for is let go of: notes it with those who stand in line. One of
/// them or more will get it; the others will be here again when it is next let go of.
#[inline(always)]
fn released(lock: u64, kind: u32) {
    let now = now_ns();
    let Some(mut waiters) = Waiters::of(lock, kind) else {
        return;
    };
    for _ in 0..Waiters::MOST {
        let task = waiters.next();
        if task == 0 {
            return;
        }
        let tid: u32 = field(task, &LAYOUT.task_pid).unwrap_or(0);
        if let Some(wait) = WAITS.get_ptr_mut(&tid) {
            // SAFETY: a value of the map; a race with its owner's end only loses this note.
            unsafe {
                if (*wait).lock == lock {
                    (*wait).released_ns = now;
                }
            }
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
