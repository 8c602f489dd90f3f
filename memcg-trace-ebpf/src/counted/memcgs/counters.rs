//! The kernel's counters of a memcg.

use memcg_trace_common::memcg::ABSENT_BYTES;

use crate::layout::read::{LAYOUT, has, offset, pointer, read, value, word};

/// The struct with the counters of a memcg; on 5.10 they are within the memcg.
#[inline(always)]
pub fn counters(css: u64) -> u64 {
    if value(&LAYOUT.vmstats_is_inline) == 1 {
        css + offset(&LAYOUT.memcg_vmstats)
    } else {
        pointer(css, &LAYOUT.memcg_vmstats)
    }
}

/// One counter of a memcg. Since 6.10 the counters are packed, and a table has their indexes
/// (mm/memcontrol.c: memcg_stats_index()).
#[inline(always)]
pub fn counter(counters: u64, item: &u32) -> i64 {
    if !has(item) {
        return ABSENT_BYTES;
    }
    let table = word(&LAYOUT.sym_mem_cgroup_stats_index);
    let index = if table != 0 {
        u64::from(read::<u8>(table + offset(item)).unwrap_or(0))
    } else {
        offset(item)
    };
    read(counters + offset(&LAYOUT.vmstats_state) + index * 8).unwrap_or(ABSENT_BYTES)
}
