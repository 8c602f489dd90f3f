//! Where slab objects are counted, by object cgroup and cache.
//!
//! Most of what a count costs is looking up its key in a hash map. So user space puts the keys
//! that it sees moving into a table, where a key can only be in two places, and each CPU has a
//! counter beside each place. All other keys, and those that find no place, go to the map.

use aya_ebpf::bindings::{BPF_F_MMAPABLE, BPF_NOEXIST};
use aya_ebpf::helpers::generated::bpf_get_smp_processor_id;
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, PerCpuHashMap};
use memcg_trace_common::loss::Loss;
use memcg_trace_common::slab::{HOT_SLOTS, HotCounts, HotKeys, SlabCount, SlabKey};

use crate::counter::add;
use crate::loss::lost;

#[map]
static SLAB: PerCpuHashMap<SlabKey, SlabCount> = PerCpuHashMap::with_max_entries(16384, 0);

/// Written by user space only.
#[map]
static SLAB_HOT_KEYS: Array<HotKeys> = Array::with_max_entries(1, BPF_F_MMAPABLE);
/// One for each CPU: user space says how many there are.
#[map]
static SLAB_HOT_COUNTS: Array<HotCounts> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Counts objects that were charged to an object cgroup, or uncharged.
#[inline(always)]
pub fn count(objcg: u64, cache: u64, allocs: u64, frees: u64) {
    let key = SlabKey { objcg, cache };
    if !count_hot(&key, allocs, frees) && !count_cold(&key, allocs, frees) {
        lost(Loss::SlabMap, allocs + frees);
    }
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

/// Counts a key that is in the table; says whether it is. A pointer is used where it was checked:
/// the verifier lets nothing be added to one that may be null.
#[inline(always)]
fn count_hot(key: &SlabKey, allocs: u64, frees: u64) -> bool {
    let Some(keys) = SLAB_HOT_KEYS.get_ptr(0) else {
        return false;
    };
    let mut slot = key.hot_slot();
    if !is_at(keys, slot, key) {
        slot ^= 1;
        if !is_at(keys, slot, key) {
            return false;
        }
    }
    // SAFETY: the helper has no conditions.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    let Some(counts) = SLAB_HOT_COUNTS.get_ptr_mut(cpu) else {
        return false;
    };
    // SAFETY: within the value, whose length is HOT_SLOTS.
    unsafe {
        let counter = (&raw mut (*counts).counts)
            .cast::<SlabCount>()
            .add(slot & (HOT_SLOTS - 1));
        add_to(counter, allocs, frees);
    }
    true
}

/// Whether a slot has that key. User space changes a slot only while its objcg is 0, and after
/// all programs that saw another have ended.
#[inline(always)]
fn is_at(keys: *const HotKeys, slot: usize, key: &SlabKey) -> bool {
    // SAFETY: within the value, as above; volatile, since user space writes it.
    unsafe {
        let at = (&raw const (*keys).keys)
            .cast::<SlabKey>()
            .add(slot & (HOT_SLOTS - 1));
        (&raw const (*at).objcg).read_volatile() == key.objcg
            && (&raw const (*at).cache).read_volatile() == key.cache
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
