//! Tables of slots for holds, as for waits. Each task and lock has two places; the older hold is
//! replaced, since a frozen superblock may be thawed by another task.

use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;
use memcg_trace_common::hold::{HOLD_GROUPS, HOLD_SLOTS, Hold, HoldGroup};

#[map]
static HOLDS: Array<HoldGroup> = Array::with_max_entries(HOLD_GROUPS, 0);

#[inline(always)]
fn at(place: u32) -> Option<*mut Hold> {
    let group = HOLDS.get_ptr_mut((place / HOLD_SLOTS as u32) & (HOLD_GROUPS - 1))?;
    // SAFETY: within the value, whose length is HOLD_SLOTS.
    Some(unsafe {
        (&raw mut (*group).slots)
            .cast::<Hold>()
            .add(place as usize & (HOLD_SLOTS - 1))
    })
}

/// The first place of a task and a lock: addresses differ in their middle bits.
#[inline(always)]
fn place(lock: u64, task: u64) -> u32 {
    ((task >> 6) ^ (task >> 12) ^ (lock >> 4)) as u32
}

/// The noted hold of a lock by a task.
#[inline(always)]
pub fn of(lock: u64, task: u64) -> Option<*mut Hold> {
    let is_it = |hold: &*mut Hold| {
        // SAFETY: a value of the map.
        unsafe { (**hold).lock == lock && (**hold).task == task }
    };
    let place = place(lock, task);
    at(place)
        .filter(is_it)
        .or_else(|| at(place ^ 1).filter(is_it))
}

/// The slot for a new hold.
#[inline(always)]
pub fn to_fill(lock: u64, task: u64) -> Option<*mut Hold> {
    if let Some(hold) = of(lock, task) {
        return Some(hold);
    }
    let place = place(lock, task);
    let (first, second) = (at(place)?, at(place ^ 1)?);
    // SAFETY: values of the map.
    unsafe {
        if (*first).lock == 0 {
            Some(first)
        } else if (*second).lock == 0 || (*second).asked_ns < (*first).asked_ns {
            Some(second)
        } else {
            Some(first)
        }
    }
}
