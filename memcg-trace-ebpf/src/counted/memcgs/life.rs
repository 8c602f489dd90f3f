//! Lifecycle events of memory cgroups: one record in a ring buffer for each, since they are rare.

use aya_ebpf::helpers::bpf_get_current_comm;
use aya_ebpf::macros::{kprobe, map};
use aya_ebpf::maps::RingBuf;
use aya_ebpf::programs::ProbeContext;
use aya_log_ebpf::debug;
use memcg_trace_common::loss::Loss;
use memcg_trace_common::memcg::{ABSENT_PAGES, LifeRecord, MemcgEventKind};

use crate::counted::memcgs::identity::{kernfs_node, read_name};
use crate::current::{now_ns, this_task};
use crate::layout::read::{LAYOUT, field, has, offset, pointer, read_into, value, word};
use crate::maps::loss::lost;

/// NUMA nodes whose lists are counted; on a host with more nodes the figure is absent.
const NODES: u64 = 8;
/// Words of the arrays of list sizes of a node: the largest array has 4 generations of 2 kinds in 6
/// zones.
const LIST_WORDS: u64 = 64;

#[map]
static LIFE: RingBuf = RingBuf::with_byte_size(1 << 20, 0);

/// Pages on the memcg's own lists. MGLRU lists are counted apart from the others
/// (include/linux/mm_inline.h: lru_gen_update_size()).
#[inline(always)]
fn lru_pages(memcg: u64) -> i64 {
    if !has(&LAYOUT.memcg_nodeinfo) {
        return ABSENT_PAGES;
    }
    let nodes = node_count();
    if nodes > NODES {
        return ABSENT_PAGES;
    }
    let mut pages = 0;
    for node in 0..NODES {
        if node >= nodes {
            break;
        }
        let mut of_node = 0;
        let place = memcg + offset(&LAYOUT.memcg_nodeinfo) + node * 8;
        if !read_into(place, &mut of_node) {
            return ABSENT_PAGES;
        }
        // No node has this number.
        if of_node == 0 {
            continue;
        }
        let lists = of_node + offset(&LAYOUT.node_lru_zone_size);
        let generations = of_node + offset(&LAYOUT.node_generation_pages);
        if !add_words(&mut pages, lists, &LAYOUT.lru_zone_size_words)
            || !add_words(&mut pages, generations, &LAYOUT.generation_pages_words)
        {
            return ABSENT_PAGES;
        }
    }
    // The count of a generation may be a little below zero for a moment.
    if pages < 0 { 0 } else { pages }
}

/// Number of NUMA nodes: without NUMA there is one, and no such variable.
#[inline(always)]
fn node_count() -> u64 {
    let variable = word(&LAYOUT.sym_nr_node_ids);
    if variable == 0 {
        return 1;
    }
    let mut nodes = 0;
    if read_into(variable, &mut nodes) {
        // The variable has four bytes.
        nodes & 0xffff_ffff
    } else {
        u64::MAX
    }
}

#[inline(always)]
fn add_words(sum: &mut i64, address: u64, words: &u32) -> bool {
    let words = u64::from(value(words));
    for at in 0..LIST_WORDS {
        if at >= words {
            break;
        }
        let mut word = 0;
        if !read_into(address + at * 8, &mut word) {
            return false;
        }
        *sum = sum.wrapping_add(word as i64);
    }
    true
}

#[inline(always)]
fn record(ctx: &ProbeContext, kind: MemcgEventKind) -> u32 {
    let Some(css) = ctx.arg::<u64>(0) else {
        return 0;
    };
    let lru_pages = match kind {
        MemcgEventKind::Offline => lru_pages(css),
        _ => ABSENT_PAGES,
    };
    let Some(mut entry) = LIFE.reserve::<LifeRecord>(0) else {
        lost(Loss::MemcgRing, 1);
        return 0;
    };
    let node = kernfs_node(css);
    let parent = pointer(css, &LAYOUT.css_parent);
    // SAFETY: the entry is reserved memory of that size; every field is written below.
    unsafe {
        let out = entry.as_mut_ptr();
        (*out).time_ns = now_ns();
        (*out).serial_nr = field(css, &LAYOUT.css_serial_nr).unwrap_or(0);
        (*out).parent_serial_nr = field(parent, &LAYOUT.css_serial_nr).unwrap_or(0);
        (*out).cgroup_id = field(node, &LAYOUT.kernfs_id).unwrap_or(0);
        (*out).css = css;
        (*out).lru_pages = lru_pages;
        (*out).css_id = field(css, &LAYOUT.css_id).unwrap_or(0);
        (*out).kind = kind as u32;
        (*out).pid = (this_task() >> 32) as u32;
        (*out).comm = bpf_get_current_comm().unwrap_or_default();
        (*out).name_bytes = read_name(node, &mut (*out).name);
    }
    entry.submit(0);
    debug!(ctx, "memcg {:x} life {}", css, kind as u32);
    0
}

/// `mem_cgroup_css_online(css)`.
#[kprobe]
pub fn memcg_online(ctx: ProbeContext) -> u32 {
    record(&ctx, MemcgEventKind::Online)
}

/// `mem_cgroup_css_offline(css)`.
#[kprobe]
pub fn memcg_offline(ctx: ProbeContext) -> u32 {
    record(&ctx, MemcgEventKind::Offline)
}

/// `mem_cgroup_css_released(css)`.
#[kprobe]
pub fn memcg_released(ctx: ProbeContext) -> u32 {
    record(&ctx, MemcgEventKind::Released)
}

/// `mem_cgroup_css_free(css)`.
#[kprobe]
pub fn memcg_free(ctx: ProbeContext) -> u32 {
    record(&ctx, MemcgEventKind::Freed)
}
