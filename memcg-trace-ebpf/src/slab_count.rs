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
use memcg_trace_common::slab::{HOT_SLOTS, HotRow, HotTable, SlabCount, SlabKey};

use crate::counter::add;
use crate::loss::lost;

#[map]
static SLAB: PerCpuHashMap<SlabKey, SlabCount> = PerCpuHashMap::with_max_entries(16384, 0);

/// One for each CPU: user space says how many there are.
#[map]
static SLAB_HOT: Array<HotTable> = Array::with_max_entries(1, BPF_F_MMAPABLE);

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
    // SAFETY: the helper has no conditions.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    let Some(table) = SLAB_HOT.get_ptr_mut(cpu) else {
        return false;
    };
    let slot = key.hot_slot();
    count_at(table, slot, key, allocs, frees) || count_at(table, slot ^ 1, key, allocs, frees)
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
