//! Stacks of tasks that release contended locks: samples, at most a hundred a second for each lock,
//! since a stack is expensive.

use aya_ebpf::macros::{kprobe, map, raw_tracepoint};
use aya_ebpf::maps::{Array, HashMap};
use aya_ebpf::programs::tracing::StackIdContext;
use aya_ebpf::programs::{ProbeContext, RawTracePointContext};
use memcg_trace_common::hold::{NO_STACK, RELEASE_PAUSE_NS, RELEASED_SLOTS, ReleaseKey, Released};
use memcg_trace_common::lock::flags;
use memcg_trace_common::loss::Loss;

use crate::counted::locks::stacks::{ENTRY, LOCK_STACKS};
use crate::counted::locks::wait_slots;
use crate::counted::locks::waiters::Waiters;
use crate::current::{now_ns, this_task};
use crate::maps::counter::add;
use crate::maps::loss::lost;

#[map]
static RELEASES: HashMap<ReleaseKey, u64> = HashMap::with_max_entries(8192, 0);
/// Time of the last sample of a lock. Locks whose addresses share a slot overwrite each other.
#[map]
static RELEASED: Array<Released> = Array::with_max_entries(RELEASED_SLOTS, 0);

#[inline(always)]
fn released<C: StackIdContext>(ctx: &C, lock: u64, skip: u64) {
    let now = now_ns();
    let place = ((lock >> 4) ^ (lock >> 14)) as u32 & (RELEASED_SLOTS - 1);
    let Some(last) = RELEASED.get_ptr_mut(place) else {
        return;
    };
    // SAFETY: a value of the map; of two CPUs that read it at once both may be counted.
    unsafe {
        if (*last).lock == lock && now.wrapping_sub((*last).at_ns) < RELEASE_PAUSE_NS {
            return;
        }
        *last = Released { lock, at_ns: now };
    }
    let key = ReleaseKey {
        lock,
        stack: match ctx.get_stackid(&LOCK_STACKS, skip) {
            Ok(stack) => stack as u64,
            // Another stack has the same number.
            Err(_) => NO_STACK,
        },
    };
    if RELEASES.get_ptr_mut(&key).is_none() {
        // Another CPU may insert first.
        let _ = RELEASES.insert(&key, &0, u64::from(aya_ebpf::bindings::BPF_NOEXIST));
    }
    match RELEASES.get_ptr_mut(&key) {
        // SAFETY: a value of the map.
        Some(count) => unsafe { add(count, 1) },
        None => lost(Loss::LockStack, 1),
    }
}

/// `contended_release(lock)`.
#[raw_tracepoint(tracepoint = "contended_release")]
pub fn release_contended(ctx: RawTracePointContext) -> i32 {
    released(&ctx, ctx.arg(0), 0);
    0
}

/// `__mutex_unlock_slowpath(lock, …)`.
#[kprobe]
pub fn release_mutex_slow(ctx: ProbeContext) -> u32 {
    released(&ctx, ctx.arg(0).unwrap_or(0), ENTRY);
    0
}

/// `rwsem_wake(sem, …)`, or `rwsem_mark_wake(sem, …)`, which tasks that ask for the lock call, too.
#[kprobe]
pub fn release_rwsem(ctx: ProbeContext) -> u32 {
    let lock: u64 = ctx.arg(0).unwrap_or(0);
    let tid = this_task() as u32;
    if wait_slots::of(tid, lock).is_none() {
        released(&ctx, lock, ENTRY);
    }
    0
}

/// `percpu_up_write(sem)`, with or without waiters.
#[kprobe]
pub fn release_percpu(ctx: ProbeContext) -> u32 {
    let lock: u64 = ctx.arg(0).unwrap_or(0);
    let waiters = Waiters::of(lock, flags::PERCPU);
    if waiters.is_some_and(|mut waiters| waiters.next() != 0) {
        released(&ctx, lock, ENTRY);
    }
    0
}
