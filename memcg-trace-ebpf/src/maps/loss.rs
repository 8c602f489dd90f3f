//! Losses: what could not be counted.

use aya_ebpf::macros::map;
use aya_ebpf::maps::PerCpuArray;
use memcg_trace_common::loss::Loss;

use crate::maps::counter::add;

#[map]
static LOSSES: PerCpuArray<u64> = PerCpuArray::with_max_entries(Loss::ALL.len() as u32, 0);

/// Counts `n` things that were lost.
#[inline(always)]
pub fn lost(loss: Loss, n: u64) {
    if let Some(counter) = LOSSES.get_ptr_mut(loss as u32) {
        // SAFETY: a value of the map.
        unsafe { add(counter, n) };
    }
}
