//! Duration histograms.

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap};
use memcg_trace_common::histogram::{BUCKETS, Histogram, bucket_of};
use memcg_trace_common::loss::Loss;

use crate::maps::counter::add_u32;
use crate::maps::loss::lost;

/// The first value of a row in a map of histograms: it is too large for a program's stack.
#[map]
static NO_TIMES: Array<Histogram> = Array::with_max_entries(1, 0);

/// Counts a duration in its bucket.
///
/// # Safety
/// `times` must be a valid, aligned map value.
#[inline(always)]
pub unsafe fn add_time(times: *mut Histogram, ns: u64) {
    let mut at = bucket_of(ns) * size_of::<u32>();
    // The verifier of 5.10 needs to see that the offset is aligned and in bounds; the compiler
    // knows that it is, and would drop a mask that it can see.
    // SAFETY: arithmetic on a register.
    unsafe {
        core::arch::asm!("{0} &= {1}", inout(reg) at, const ((BUCKETS - 1) * size_of::<u32>()));
    }
    // SAFETY: the caller's promise, and within the value.
    unsafe { add_u32(times.cast::<u8>().add(at).cast::<u32>(), 1) };
}

/// Counts a duration in a map that all CPUs share, since its rows are large.
#[inline(always)]
pub fn count_time<K>(map: &HashMap<K, Histogram>, key: &K, ns: u64) {
    let times = map.get_ptr_mut(key).or_else(|| {
        // Another CPU may insert first: then its row serves this CPU, too.
        let _ = map.insert(key, NO_TIMES.get(0)?, u64::from(BPF_NOEXIST));
        map.get_ptr_mut(key)
    });
    match times {
        // SAFETY: a value of the map.
        Some(times) => unsafe { add_time(times, ns) },
        None => lost(Loss::TimesMap, 1),
    }
}
