//! Tables of slots for waits in progress, in which each thread has two places. A hash map would
//! take longer for a note than everything else in a wait does.

use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;
use memcg_trace_common::lock::{WAIT_GROUPS, WAIT_SLOTS, Wait, WaitGroup};

#[map]
static WAITS: Array<WaitGroup> = Array::with_max_entries(WAIT_GROUPS, 0);

/// The slot of a given number.
#[inline(always)]
pub fn at(place: u32) -> Option<*mut Wait> {
    let group = WAITS.get_ptr_mut((place / WAIT_SLOTS as u32) & (WAIT_GROUPS - 1))?;
    // SAFETY: within the value, whose length is WAIT_SLOTS.
    Some(unsafe {
        (&raw mut (*group).slots)
            .cast::<Wait>()
            .add(place as usize & (WAIT_SLOTS - 1))
    })
}

/// The noted wait of a thread for a lock.
#[inline(always)]
pub fn of(tid: u32, lock: u64) -> Option<*mut Wait> {
    let is_it = |wait: &*mut Wait| {
        // SAFETY: a value of the map.
        unsafe { (**wait).tid == tid && (**wait).lock == lock }
    };
    at(tid).filter(is_it).or_else(|| at(tid ^ 1).filter(is_it))
}

/// The slot for a new wait of a thread: the slot of its last wait, or a free one; `None` if both
/// are taken. Of two threads that take the same slot at once, one loses its wait: the ids of such
/// threads are some thousands apart.
#[inline(always)]
pub fn to_fill(tid: u32) -> Option<*mut Wait> {
    let (first, second) = (at(tid)?, at(tid ^ 1)?);
    // SAFETY: values of the map.
    unsafe {
        if (*first).tid == tid {
            Some(first)
        } else if (*second).tid == tid {
            Some(second)
        } else if (*first).lock == 0 {
            Some(first)
        } else if (*second).lock == 0 {
            Some(second)
        } else {
            None
        }
    }
}
