//! Cost of dead memory cgroups for the live ones, counted where reclaim and flushes of statistics
//! visit each memcg.

use aya_ebpf::macros::{kprobe, map};
use aya_ebpf::maps::PerCpuArray;
use aya_ebpf::programs::ProbeContext;
use memcg_trace_common::zombie_cost::{CSS_ONLINE, LONGEST_FLUSH_NS, ZombieCost};

use crate::current::now_ns;
use crate::layout::read::{LAYOUT, field};
use crate::maps::counter::add;

#[map]
static ZOMBIE_COST: PerCpuArray<ZombieCost> = PerCpuArray::with_max_entries(1, 0);

#[inline(always)]
fn is_dead(css: u64) -> bool {
    field::<u32>(css, &LAYOUT.css_flags).is_some_and(|flags| flags & CSS_ONLINE == 0)
}

/// `shrink_slab(gfp_mask, nid, memcg, priority)`: reclaim calls it for every memcg of a walk,
/// after its lists (mm/vmscan.c: shrink_node_memcgs(), shrink_one()).
#[kprobe]
pub fn tax_reclaim(ctx: ProbeContext) -> u32 {
    let (Some(memcg), Some(count)) = (ctx.arg::<u64>(2), ZOMBIE_COST.get_ptr_mut(0)) else {
        return 0;
    };
    // SAFETY: the value of the map.
    unsafe {
        add(&raw mut (*count).reclaim_visits, 1);
        if memcg != 0 && is_dead(memcg) {
            add(&raw mut (*count).dead_reclaim_visits, 1);
        }
    }
    0
}

/// Ends a measurement on this CPU whose end was not seen.
#[inline(always)]
fn forget(count: *mut ZombieCost) {
    // SAFETY: the value of the map; only this CPU writes `begin_ns`, with interrupts off, or in a
    // race of two flushes, one of which is then not measured.
    unsafe {
        if (*count).begin_ns != 0 {
            (*count).begin_ns = 0;
            add(&raw mut (*count).dead_flushes_unmeasured, 1);
        }
    }
}

/// The start of a run of flushes: the last flush of the previous run has no visible end.
#[kprobe]
pub fn tax_flush_begin(_ctx: ProbeContext) -> u32 {
    if let Some(count) = ZOMBIE_COST.get_ptr_mut(0) {
        forget(count);
    }
    0
}

/// `mem_cgroup_css_rstat_flush(css, cpu)`: called for one memcg after the other, so that the start
/// of one flush is the end of the previous one.
#[kprobe]
pub fn tax_flush(ctx: ProbeContext) -> u32 {
    let (Some(css), Some(count)) = (ctx.arg::<u64>(0), ZOMBIE_COST.get_ptr_mut(0)) else {
        return 0;
    };
    let is_dead = is_dead(css);
    // SAFETY: the value of the map.
    unsafe {
        add(&raw mut (*count).flushes, 1);
        // Most are flushes of live memcgs, one after the other: these need no clock.
        if !is_dead && (*count).begin_ns == 0 {
            return 0;
        }
        let now_ns = now_ns();
        let took_ns = now_ns.saturating_sub((*count).begin_ns);
        if (*count).begin_ns != 0 && took_ns < LONGEST_FLUSH_NS {
            add(&raw mut (*count).dead_flush_ns, took_ns);
            (*count).begin_ns = 0;
        }
        forget(count);
        if is_dead {
            add(&raw mut (*count).dead_flushes, 1);
            (*count).begin_ns = now_ns;
        }
    }
    0
}
