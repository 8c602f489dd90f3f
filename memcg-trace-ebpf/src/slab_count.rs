//! Where slab objects are counted, by object cgroup and cache.
//!
//! Most of what a count costs is looking up its key in a hash map. So user space puts the keys
//! that it sees moving into a table, where a key can only be in two places. Each CPU has a table,
//! with its own counters beside the same keys: one line of memory an event. All other keys, and
//! those that find no place, go to the map.

use aya_ebpf::bindings::{BPF_F_MMAPABLE, BPF_NOEXIST};
use aya_ebpf::helpers::generated::bpf_get_smp_processor_id;
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, PerCpuHashMap};
use memcg_trace_common::loss::Loss;
use memcg_trace_common::slab::{HOT_SLOTS, HotRow, HotTable, KNOWN_NOBODY, SlabCount, SlabKey};

use crate::counter::add;
use crate::loss::lost;
use crate::slab_known::{recall, remember};

#[map]
static SLAB: PerCpuHashMap<SlabKey, SlabCount> = PerCpuHashMap::with_max_entries(16384, 0);

/// One for each CPU: user space says how many there are.
#[map]
static SLAB_HOT: Array<HotTable> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Counts an object that was charged to an object cgroup.
#[inline(always)]
pub fn count_alloc(object: u64, objcg: u64, cache: u64) {
    remember(object, count(objcg, cache, 1, 0));
}

/// Counts an object that is uncharged, and was not known.
#[inline(always)]
pub fn count_free(objcg: u64, cache: u64) {
    count(objcg, cache, 0, 1);
}

/// Counts the free of an object that is known since its allocation; says whether it is.
#[inline(always)]
pub fn count_known(object: u64) -> bool {
    match recall(object) {
        0 => false,
        KNOWN_NOBODY => true,
        place => count_place(place - 1),
    }
}

/// Counts; the place of the key among those that move, plus one, or 0.
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
/// It must be a value of a map, or within one that is this CPU's.
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

/// Counts a key that is in the table; its place plus one, or 0. A pointer is used where it was
/// checked: the verifier lets nothing be added to one that may be null.
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

/// Counts a free at a place, whatever key it has now: user space books it to the one whose words
/// led here.
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

/// Counts a key if it is in that slot; says whether it is. User space changes a slot only while its
/// objcg is 0, and after all programs that saw another have ended.
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

/// Counts any other key; says whether there was room.
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
    // Another CPU may be first: then its zeroed entry for this CPU is what we want.
    let _ = SLAB.insert(key, &zero, u64::from(BPF_NOEXIST));
    let Some(counter) = SLAB.get_ptr_mut(key) else {
        return false;
    };
    // SAFETY: a value of the map, and this CPU's.
    unsafe { add_to(counter, allocs, frees) };
    true
}
