//! The memory of a memcg at an OOM kill. It is read after the kernel has reported the kill to its log
//! (mm/oom_kill.c: dump_header()), for which it adds up its counters, and before the victim gets the
//! signal: so the figures are those of the report.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use aya_ebpf::macros::{kprobe, map};
use aya_ebpf::maps::Array;
use aya_ebpf::programs::ProbeContext;
use memcg_trace_common::loss::Loss;
use memcg_trace_common::reclaim::{
    OOM_ABSENT, OOM_COUNTERS, OOM_LEVELS, OomLevel, OomMemory, oom_kind,
};

use super::oom_ring::OOM;
use crate::counted::memcgs::counters;
use crate::current::now_ns;
use crate::layout::read::{LAYOUT, field, offset, pointer, read, value, word};
use crate::maps::loss::lost;

/// The kernel handles one OOM at a time (mm/oom_kill.c: oom_lock).
#[map]
static OOM_MEMORY: Array<OomMemory> = Array::with_max_entries(1, 0);

/// Notes the memcg whose limit it is, 0 if the host is out of memory, and that of the victim.
#[inline(always)]
pub fn remember(limit: u64, victim: u64) {
    if let Some(memory) = OOM_MEMORY.get_ptr_mut(0) {
        // SAFETY: a value of the map, of which no reference is left.
        unsafe {
            (*memory).limit = limit;
            (*memory).victim = victim;
        }
    }
}

/// `__oom_kill_process(victim, message)`: once for the chosen victim, then for each other task of a
/// group that is killed at once.
#[kprobe]
pub fn oom_kill_memory(_: ProbeContext) -> u32 {
    let Some(memory) = OOM_MEMORY.get_ptr_mut(0) else {
        return 0;
    };
    // SAFETY: a value of the map, to which nothing else writes meanwhile: see there.
    let memory = unsafe { &mut *memory };
    let limit = memory.limit;
    if limit == 0 {
        return 0;
    }
    memory.kind = oom_kind::MEMORY;
    memory.time_ns = now_ns();
    memory.limit_serial_nr = pointer(limit, &LAYOUT.css_serial_nr);
    memory.swap_total = variable(&LAYOUT.sym_total_swap_pages);
    memory.swap_free = variable(&LAYOUT.sym_nr_swap_pages);
    read_counters(memory, limit);
    read_levels(memory);
    if OOM.output::<OomMemory>(&*memory, 0).is_err() {
        lost(Loss::OomRing, 1);
    }
    // The other members of a group that is killed at once come after this.
    memory.limit = 0;
    0
}

/// A variable of the kernel that is a number of pages.
#[inline(always)]
fn variable(address: &u64) -> u64 {
    match word(address) {
        0 => OOM_ABSENT,
        address => read(address).unwrap_or(OOM_ABSENT),
    }
}

#[inline(always)]
fn read_counters(memory: &mut OomMemory, limit: u64) {
    let from = counters(limit);
    memory.updates = match value(&LAYOUT.vmstats_updates_bytes) {
        4 => field::<u32>(from, &LAYOUT.vmstats_updates).map_or(OOM_ABSENT, u64::from),
        8 => field(from, &LAYOUT.vmstats_updates).unwrap_or(OOM_ABSENT),
        _ => OOM_ABSENT,
    };
    memory.counter_bytes = 0;
    let bytes = value(&LAYOUT.vmstats_bytes);
    if bytes > (OOM_COUNTERS * 8) as u32 {
        return;
    }
    // SAFETY: the counters have at least as many bytes.
    let failed = unsafe {
        bpf_probe_read_kernel(
            memory.counters.as_mut_ptr().cast::<c_void>(),
            bytes,
            (from + offset(&LAYOUT.vmstats_state)) as *const c_void,
        )
    };
    if failed == 0 {
        memory.counter_bytes = u64::from(bytes);
    }
}

#[inline(always)]
fn read_levels(memory: &mut OomMemory) {
    memory.levels_used = 0;
    let mut css = memory.victim;
    for at in 0..OOM_LEVELS {
        if css == 0 {
            break;
        }
        read_level(&mut memory.levels[at], css);
        memory.levels_used = at as u64 + 1;
        css = pointer(css, &LAYOUT.css_parent);
    }
}

#[inline(always)]
fn read_level(level: &mut OomLevel, css: u64) {
    level.serial_nr = pointer(css, &LAYOUT.css_serial_nr);
    level.usage = field(css, &LAYOUT.memcg_memory_usage).unwrap_or(OOM_ABSENT);
    level.max = field(css, &LAYOUT.memcg_memory_max).unwrap_or(OOM_ABSENT);
    level.min = field(css, &LAYOUT.memcg_memory_min).unwrap_or(OOM_ABSENT);
    level.swap_usage = field(css, &LAYOUT.memcg_swap_usage).unwrap_or(OOM_ABSENT);
    level.swap_max = field(css, &LAYOUT.memcg_swap_max).unwrap_or(OOM_ABSENT);
}
