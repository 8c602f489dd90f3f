//! Counts of slab objects, by object cgroup and cache.
//!
//! Most of the cost of a count is the lookup of its key in a hash map. So user space puts hot keys
//! into a table, where a key can only be in two places. Each CPU has a table, with its own counters
//! beside the same keys: one line of memory for each event. All other keys are counted in the map.

use aya_ebpf::bindings::{BPF_F_MMAPABLE, BPF_NOEXIST};
use aya_ebpf::helpers::generated::bpf_get_smp_processor_id;
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, PerCpuHashMap};
use memcg_trace_common::loss::Loss;
use memcg_trace_common::slab::{
    HOT_SLOTS, HotRow, HotTable, KNOWN_NOBODY, SLAB_ROWS, SlabCount, SlabKey,
};

use crate::counted::slab::known::{recall, remember};
use crate::maps::counter::add;
use crate::maps::loss::lost;

#[map]
static SLAB: PerCpuHashMap<SlabKey, SlabCount> = PerCpuHashMap::with_max_entries(SLAB_ROWS, 0);

/// One table for each CPU: user space sets the number.
#[map]
static SLAB_HOT: Array<HotTable> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Counts an object that was charged to an object cgroup.
#[inline(always)]
pub fn count_alloc(object: u64, objcg: u64, cache: u64) {
    remember(object, count(objcg, cache, 1, 0));
}

/// Counts the free of an object whose key was not known.
#[inline(always)]
pub fn count_free(objcg: u64, cache: u64) {
    count(objcg, cache, 0, 1);
}

/// Counts the free of an object whose key is known since its allocation; returns whether it is.
#[inline(always)]
pub fn count_known(object: u64) -> bool {
    match recall(object) {
        0 => false,
        KNOWN_NOBODY => true,
        place => count_place(place - 1),
    }
}

/// Counts, and returns the place of the key among the hot keys plus one, or 0.
#[inline(always)]
fn count(objcg: u64, cache: u64, allocs: u64, frees: u64) -> u64 {
    let key = SlabKey { objcg, cache };
    let place = count_hot(&key, allocs, frees);
    if place == 0 && !count_cold(&key, allocs, frees) {
        lost(Loss::SlabMap, allocs + frees);
    }
    place
}

/// Adds to a counter.
///
/// # Safety
/// `counter` must be a value of a map, or within one that is this CPU's.
#[inline(always)]
unsafe fn add_to(counter: *mut SlabCount, allocs: u64, frees: u64) {
    // SAFETY: the caller's promise.
    unsafe {
        if allocs != 0 {
            add(&raw mut (*counter).allocs, allocs);
        }
        if frees != 0 {
            add(&raw mut (*counter).frees, frees);
        }
    }
}

/// This CPU's table.
#[inline(always)]
fn table() -> Option<*mut HotTable> {
    // SAFETY: the helper has no conditions.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    SLAB_HOT.get_ptr_mut(cpu)
}

/// Counts a key that is in the table; returns its place plus one, or 0. A pointer is used where it
/// was checked: the verifier allows no addition to a pointer that may be null.
#[inline(always)]
fn count_hot(key: &SlabKey, allocs: u64, frees: u64) -> u64 {
    let Some(table) = table() else { return 0 };
    let slot = key.hot_slot();
    if count_at(table, slot, key, allocs, frees) {
        return slot as u64 + 1;
    }
    let slot = slot ^ 1;
    if count_at(table, slot, key, allocs, frees) {
        return slot as u64 + 1;
    }
    0
}

/// Counts a free at a place, under whatever key is there now: user space books it to the key whose
/// words led here.
#[inline(always)]
fn count_place(place: u64) -> bool {
    let Some(table) = table() else { return false };
    // SAFETY: within the value, as in `count_at`.
    unsafe {
        let row = (&raw mut (*table).rows)
            .cast::<HotRow>()
            .add(place as usize & (HOT_SLOTS - 1));
        add_to(&raw mut (*row).count, 0, 1);
    }
    true
}

/// Counts a key if it is in that slot; returns whether it is. User space changes a slot only while
/// its objcg is 0, and after all programs that saw another objcg have ended.
#[inline(always)]
fn count_at(table: *mut HotTable, slot: usize, key: &SlabKey, allocs: u64, frees: u64) -> bool {
    // SAFETY: within the value, whose length is HOT_SLOTS; volatile, since user space writes the
    // key.
    unsafe {
        let row = (&raw mut (*table).rows)
            .cast::<HotRow>()
            .add(slot & (HOT_SLOTS - 1));
        let is_it = (&raw const (*row).key.objcg).read_volatile() == key.objcg
            && (&raw const (*row).key.cache).read_volatile() == key.cache;
        if is_it {
            add_to(&raw mut (*row).count, allocs, frees);
        }
        is_it
    }
}

/// Counts any other key; returns false if the map is full.
#[inline(always)]
fn count_cold(key: &SlabKey, allocs: u64, frees: u64) -> bool {
    if let Some(counter) = SLAB.get_ptr_mut(key) {
        // SAFETY: a value of the map, and this CPU's.
        unsafe { add_to(counter, allocs, frees) };
        return true;
    }
    let zero = SlabCount {
        allocs: 0,
        frees: 0,
    };
    // Another CPU may insert first: then its zeroed entry serves this CPU, too.
    let _ = SLAB.insert(key, &zero, u64::from(BPF_NOEXIST));
    let Some(counter) = SLAB.get_ptr_mut(key) else {
        return false;
    };
    // SAFETY: a value of the map, and this CPU's.
    unsafe { add_to(counter, allocs, frees) };
    true
}
