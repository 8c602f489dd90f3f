//! All memory cgroups, dead ones included: a walk in pre-order through `children` and `sibling`
//! from `*root_mem_cgroup`. A css leaves its parent's list only when it is released.
//!
//! One run makes a bounded number of steps under RCU and leaves its place in `MEMCG_WALK`.
//! Children are in their list in the order of their serial numbers, so a place that has gone by the
//! next run is found again by the serial numbers on the path to it: no memcg that exists during the
//! whole walk is seen twice or missed.

use aya_ebpf::macros::{map, raw_tracepoint};
use aya_ebpf::maps::{Array, ProgramArray};
use aya_ebpf::programs::RawTracePointContext;
use memcg_trace_common::memcg::{
    ABSENT_CGROUP_POPULATED, ABSENT_PAGES, ABSENT_POPULATED, MemcgRow, MemcgWalk, WALK_DEPTH,
    WALK_ROWS, WalkStep, css_flags,
};

use crate::counted::{counter, counters, kernfs_node, read_name};
use crate::current::task_struct;
use crate::layout::read::{LAYOUT, field, has, offset, pointer, read, word};

#[map]
static MEMCG_WALK: Array<MemcgWalk> = Array::with_max_entries(1, 0);
/// The walk itself, for tail calls.
#[map]
static MEMCG_WALK_NEXT: ProgramArray = ProgramArray::with_max_entries(1, 0);

/// Steps in one program body, each of which the kernel verifies anew; it allows at least 32 tail
/// calls in a run, which fill about as many rows as there are.
const STEPS: u32 = 4;

const VISIT: u32 = WalkStep::Visit as u32;
const NEXT: u32 = WalkStep::Next as u32;
const SEEK_DOWN: u32 = WalkStep::SeekDown as u32;
const SEEK_ACROSS: u32 = WalkStep::SeekAcross as u32;

/// One run of the walk.
#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn memcg_walk(ctx: RawTracePointContext) -> i32 {
    let Some(walk) = MEMCG_WALK.get_ptr_mut(0) else {
        return 0;
    };
    // SAFETY: a value of the map; user space waits until the run has ended.
    let walk = unsafe { &mut *walk };
    for _ in 0..STEPS {
        if walk.done != 0 || walk.rows >= WALK_ROWS as u32 {
            leave(walk);
            return 0;
        }
        step(walk);
    }
    // SAFETY: the map holds this program or nothing; on failure it returns.
    unsafe { MEMCG_WALK_NEXT.tail_call(&ctx, 0) };
    leave(walk);
    0
}

/// The first body of a run: finds the place again, then continues as [`memcg_walk`].
#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn memcg_walk_enter(ctx: RawTracePointContext) -> i32 {
    let Some(walk) = MEMCG_WALK.get_ptr_mut(0) else {
        return 0;
    };
    // SAFETY: as above.
    let walk = unsafe { &mut *walk };
    enter(walk);
    // SAFETY: as above.
    unsafe { MEMCG_WALK_NEXT.tail_call(&ctx, 0) };
    0
}

#[inline(always)]
fn enter(walk: &mut MemcgWalk) {
    walk.rows = 0;
    let root = root();
    if root == 0 {
        walk.skipped += 1;
        walk.done = 1;
        return;
    }
    if walk.at == 0 {
        walk.at = root;
        walk.depth = 0;
        walk.step = VISIT;
        return;
    }
    let serial_nr: u64 = field(walk.at, &LAYOUT.css_serial_nr).unwrap_or(0);
    let flags: u32 = field(walk.at, &LAYOUT.css_flags).unwrap_or(css_flags::RELEASED);
    if serial_nr == walk.at_serial_nr && flags & css_flags::RELEASED == 0 {
        return;
    }
    walk.resumed += 1;
    if walk.step == VISIT || walk.step == NEXT {
        walk.sought_depth = walk.depth;
        walk.sought_step = walk.step;
    }
    walk.at = root;
    walk.depth = 0;
    walk.step = SEEK_DOWN;
}

/// The root of all memory cgroups: its symbol, or, where kallsyms shows no address, the topmost
/// ancestor of the memcg that the running task belongs to.
#[inline(always)]
fn root() -> u64 {
    if word(&LAYOUT.sym_root_mem_cgroup) != 0 {
        return read(word(&LAYOUT.sym_root_mem_cgroup)).unwrap_or(0);
    }
    let set = pointer(task_struct(), &LAYOUT.task_cgroups);
    let mut css = pointer(set, &LAYOUT.css_set_memory);
    for _ in 0..WALK_DEPTH {
        let parent = pointer(css, &LAYOUT.css_parent);
        if parent == 0 {
            return css;
        }
        css = parent;
    }
    0
}

/// Notes what the next run needs to check that its place still exists.
#[inline(always)]
fn leave(walk: &mut MemcgWalk) {
    walk.at_serial_nr = field(walk.at, &LAYOUT.css_serial_nr).unwrap_or(0);
    if walk.step == VISIT || walk.step == NEXT {
        set_path(walk, walk.at_serial_nr);
    }
}

#[inline(always)]
fn set_path(walk: &mut MemcgWalk, serial_nr: u64) {
    let depth = walk.depth as usize;
    if depth < WALK_DEPTH {
        // SAFETY: in bounds; without the check that the compiler would turn into a panic.
        unsafe { *walk.path.as_mut_ptr().add(depth & (WALK_DEPTH - 1)) = serial_nr };
    }
}

#[inline(always)]
fn path(walk: &MemcgWalk) -> u64 {
    // SAFETY: in bounds, since the mask is one less than a power of two.
    unsafe {
        *walk
            .path
            .as_ptr()
            .add(walk.depth as usize & (WALK_DEPTH - 1))
    }
}

#[inline(always)]
fn step(walk: &mut MemcgWalk) {
    walk.steps += 1;
    let css = walk.at;
    let step = walk.step;
    if step == VISIT {
        let flags: u32 = field(css, &LAYOUT.css_flags).unwrap_or(css_flags::RELEASED);
        if flags & css_flags::RELEASED != 0 {
            walk.step = NEXT;
            return;
        }
        hand_over(walk, css, flags);
        down(walk, css, VISIT);
    } else if step == NEXT {
        across(walk, css, VISIT);
    } else if step == SEEK_DOWN {
        down(walk, css, SEEK_ACROSS);
    } else {
        let serial_nr: u64 = field(css, &LAYOUT.css_serial_nr).unwrap_or(0);
        let sought = path(walk);
        if serial_nr < sought {
            across(walk, css, SEEK_ACROSS);
        } else if serial_nr > sought {
            // The css searched for has gone: this is the next one that has not been seen.
            walk.step = VISIT;
        } else if walk.depth >= walk.sought_depth {
            walk.step = walk.sought_step;
        } else {
            walk.step = SEEK_DOWN;
        }
    }
}

/// Goes to the first child; if there is none, `css` is complete.
#[inline(always)]
fn down(walk: &mut MemcgWalk, css: u64, then: u32) {
    let list = css + offset(&LAYOUT.css_children);
    let first: u64 = read(list).unwrap_or(0);
    walk.step = NEXT;
    if first == list {
        return;
    }
    if first == 0 || walk.depth + 1 >= WALK_DEPTH as u32 {
        walk.skipped += 1;
        return;
    }
    walk.at = first - offset(&LAYOUT.css_sibling);
    walk.depth += 1;
    walk.step = then;
}

/// Goes to the next sibling; if there is none, up to the parent, which is complete.
#[inline(always)]
fn across(walk: &mut MemcgWalk, css: u64, then: u32) {
    let next: u64 = field(css, &LAYOUT.css_sibling).unwrap_or(0);
    let parent: u64 = field(css, &LAYOUT.css_parent).unwrap_or(0);
    if walk.depth == 0 {
        walk.done = 1;
    } else if next == 0 || parent == 0 {
        walk.skipped += 1;
        walk.done = 1;
    } else if next == parent + offset(&LAYOUT.css_children) {
        walk.at = parent;
        walk.depth -= 1;
        walk.step = NEXT;
    } else {
        walk.at = next - offset(&LAYOUT.css_sibling);
        walk.step = then;
    }
}

#[inline(always)]
fn hand_over(walk: &mut MemcgWalk, css: u64, flags: u32) {
    let at = walk.rows as usize;
    if at >= WALK_ROWS {
        return;
    }
    let serial_nr = field(css, &LAYOUT.css_serial_nr).unwrap_or(0);
    set_path(walk, serial_nr);
    walk.rows += 1;
    // SAFETY: in bounds, since the mask is one less than a power of two.
    let row = unsafe { &mut *walk.row.as_mut_ptr().add(at & (WALK_ROWS - 1)) };
    row.css = css;
    row.serial_nr = serial_nr;
    row.flags = flags;
    row.parent_serial_nr =
        field(pointer(css, &LAYOUT.css_parent), &LAYOUT.css_serial_nr).unwrap_or(0);
    row.css_id = field(css, &LAYOUT.css_id).unwrap_or(0);
    let node = kernfs_node(css);
    row.cgroup_id = field(node, &LAYOUT.kernfs_id).unwrap_or(0);
    row.name_bytes = read_name(node, &mut row.name);
    references(row, css);
    usage(row, css);
}

#[inline(always)]
fn references(row: &mut MemcgRow, css: u64) {
    row.ref_mode = field(css, &LAYOUT.css_refcnt_percpu_count_ptr).unwrap_or(0);
    let data = pointer(css, &LAYOUT.css_refcnt_data);
    row.refs = field(data, &LAYOUT.ref_data_count).unwrap_or(0);
    row.ref_confirm = field(data, &LAYOUT.ref_data_confirm_switch).unwrap_or(0);
    row.populated = if has(&LAYOUT.css_nr_populated_csets) {
        field::<u32>(css, &LAYOUT.css_nr_populated_csets).unwrap_or(0)
            + field::<u32>(css, &LAYOUT.css_nr_populated_children).unwrap_or(0)
    } else {
        ABSENT_POPULATED
    };
    row.cgroup_populated = cgroup_populated(css);
}

/// Css_sets and children with tasks of the css's cgroup (kernel/cgroup/cgroup-internal.h:
/// cgroup_is_populated()); all ones if one of the counts cannot be read.
#[inline(always)]
fn cgroup_populated(css: u64) -> u64 {
    let cgroup = pointer(css, &LAYOUT.css_cgroup);
    let count = |item: &u32| field::<u32>(cgroup, item).map_or(u64::MAX, u64::from);
    // One by one: the verifier of 5.10 refuses reads of an array of options, whose numbers are
    // absent on the stack where the field is.
    let csets = count(&LAYOUT.cgroup_nr_populated_csets);
    let domain = count(&LAYOUT.cgroup_nr_populated_domain_children);
    let threaded = count(&LAYOUT.cgroup_nr_populated_threaded_children);
    if csets.max(domain).max(threaded) == u64::MAX {
        return ABSENT_CGROUP_POPULATED;
    }
    csets + domain + threaded
}

#[inline(always)]
fn usage(row: &mut MemcgRow, css: u64) {
    row.usage_pages = field(css, &LAYOUT.memcg_memory_usage).unwrap_or(0);
    row.high_pages = field(css, &LAYOUT.memcg_memory_high).unwrap_or(0);
    row.max_pages = field(css, &LAYOUT.memcg_memory_max).unwrap_or(0);
    row.low_pages = field(css, &LAYOUT.memcg_memory_low).unwrap_or(ABSENT_PAGES);
    let counters = counters(css);
    row.slab_reclaimable_bytes = counter(counters, &LAYOUT.stat_slab_reclaimable);
    row.slab_unreclaimable_bytes = counter(counters, &LAYOUT.stat_slab_unreclaimable);
    row.kmem_pages = counter(counters, &LAYOUT.stat_kmem);
}
