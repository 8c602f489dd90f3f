//! Call sites whose objects of one cache are still alive: each allocation is booked to its call
//! site, and its address is kept until it is freed. Attached for that question only.
//!
//! The tracepoints of allocations fire when nobody else knows the address yet, and frees are seen
//! before they happen, so that an address is never counted for two objects at once.

use core::mem::offset_of;

use aya_ebpf::bindings::{BPF_ANY, BPF_NOEXIST};
use aya_ebpf::macros::{kprobe, map, raw_tracepoint};
use aya_ebpf::maps::{Array, HashMap, ProgramArray, StackTrace};
use aya_ebpf::programs::tracing::StackIdContext as _;
use aya_ebpf::programs::{ProbeContext, RawTracePointContext};
use memcg_trace_common::callers::{
    self, CALLER_SITES, CallerCount, CallerObject, CallerStackCount, STACK_EVERY, WatchedCache,
};
use memcg_trace_common::hold::NO_STACK;
use memcg_trace_common::layout::Layout;
use memcg_trace_common::loss::Loss;

use crate::counted::slab::chain::{BODY, chain, chain_at};
use crate::counted::slab::owner::{cache_of, pointer_at};
use crate::layout::constants::{NONE, constant};
use crate::layout::read::page_offset;
use crate::maps::counter::add;
use crate::maps::loss::lost;

/// Written by user space.
#[map]
static CALLER_CACHE: Array<WatchedCache> = Array::with_max_entries(1, 0);
#[map]
static CALLERS: HashMap<u64, CallerCount> = HashMap::with_max_entries(CALLER_SITES, 0);
#[map]
static CALLER_OBJECTS: HashMap<u64, CallerObject> =
    HashMap::with_max_entries(callers::CALLER_OBJECTS, 0);
#[map]
static CALLER_STACKS: HashMap<CallerObject, CallerStackCount> =
    HashMap::with_max_entries(CALLER_SITES, 0);
/// Stacks by number. Each has as many frames as aya allows, and fewer where the kernel keeps fewer
/// (memcg-trace/src/kernel/hooks/object.rs).
#[map]
static CALLER_TRACES: StackTrace = StackTrace::with_max_entries(callers::CALLER_TRACES, 0);
/// The program for bulk frees, which tail-calls itself.
#[map]
static CALLER_NEXT: ProgramArray = ProgramArray::with_max_entries(1, 0);
const NEXT_FREE_BULK: u32 = 0;

/// The cache that is watched; `None` while none is.
#[inline(always)]
fn watched() -> Option<&'static WatchedCache> {
    CALLER_CACHE.get(0).filter(|watched| watched.cache != 0)
}

/// The counters of a call site.
#[inline(always)]
fn count_of(site: u64) -> Option<*mut CallerCount> {
    if let Some(count) = CALLERS.get_ptr_mut(&site) {
        return Some(count);
    }
    let zero = CallerCount {
        allocs: 0,
        frees: 0,
        untracked: 0,
        unseen_frees: 0,
    };
    // Another CPU may insert first: then its entry serves this CPU, too.
    let _ = CALLERS.insert(&site, &zero, u64::from(BPF_NOEXIST));
    CALLERS.get_ptr_mut(&site)
}

/// The number of this stack if it is one to keep.
#[inline(always)]
fn stack(ctx: &RawTracePointContext, site: u64, nth: u64) -> u64 {
    if nth > STACK_EVERY && nth % STACK_EVERY != 0 {
        return NO_STACK;
    }
    let Ok(stack) = ctx.get_stackid(&CALLER_TRACES, 0) else {
        // Another stack has the same number.
        return NO_STACK;
    };
    let key = CallerObject {
        site,
        stack: stack as u64,
    };
    if CALLER_STACKS.get_ptr_mut(&key).is_none() {
        let zero = CallerStackCount {
            allocs: 0,
            frees: 0,
        };
        let _ = CALLER_STACKS.insert(&key, &zero, u64::from(BPF_NOEXIST));
    }
    match CALLER_STACKS.get_ptr_mut(&key) {
        Some(count) => {
            // SAFETY: a value of the map.
            unsafe { add(&raw mut (*count).allocs, 1) };
            key.stack
        }
        None => NO_STACK,
    }
}

/// Books an object of the cache to its call site.
#[inline(always)]
fn allocated(ctx: &RawTracePointContext) {
    let (site, object): (u64, u64) = (ctx.arg(0), ctx.arg(1));
    // Its last free was not seen.
    forget(object, true);
    let Some(count) = count_of(site) else {
        lost(Loss::CallerMap, 1);
        return;
    };
    // SAFETY: a value of the map; volatile, since other CPUs write it. The number only decides
    // whose stacks are kept.
    let nth = unsafe {
        add(&raw mut (*count).allocs, 1);
        (&raw const (*count).allocs).read_volatile()
    };
    let object_at = CallerObject {
        site,
        stack: stack(ctx, site, nth),
    };
    if CALLER_OBJECTS
        .insert(&object, &object_at, u64::from(BPF_ANY))
        .is_err()
    {
        // SAFETY: a value of the map.
        unsafe { add(&raw mut (*count).untracked, 1) };
        lost(Loss::CallerObjects, 1);
    }
}

/// Books the free of an object to the call site that allocated it, if it is followed.
#[inline(always)]
fn forget(object: u64, is_unseen: bool) {
    let Some(found) = CALLER_OBJECTS.get_ptr(&object) else {
        return;
    };
    // SAFETY: a value of the map, which only the free of this object removes.
    let found = unsafe { *found };
    if CALLER_OBJECTS.remove(&object).is_err() {
        return;
    }
    if let Some(count) = CALLERS.get_ptr_mut(&found.site) {
        // SAFETY: a value of the map.
        unsafe {
            add(&raw mut (*count).frees, 1);
            if is_unseen {
                add(&raw mut (*count).unseen_frees, 1);
            }
        }
    }
    if found.stack != NO_STACK
        && let Some(count) = CALLER_STACKS.get_ptr_mut(&found)
    {
        // SAFETY: a value of the map.
        unsafe { add(&raw mut (*count).frees, 1) };
    }
}

#[inline(always)]
fn freed(object: u64) {
    if watched().is_some() {
        forget(object, false);
    }
}

/// Returns whether an object of that size is one of the watched cache, where the tracepoint does
/// not say.
#[inline(always)]
fn is_of(watched: &WatchedCache, object: u64, bytes: u64) -> bool {
    // The allocation may have failed, or be ZERO_SIZE_PTR.
    bytes == watched.size_bytes
        && object >= page_offset()
        && cache_of(object) == Some(watched.cache)
}

/// `kmem_cache_alloc(call_site, ptr, cache, gfp, node)`; on 5.10, like `kmem_cache_alloc_node`
/// there, `(call_site, ptr, bytes_req, bytes_alloc, gfp)`.
#[raw_tracepoint(tracepoint = "kmem_cache_alloc")]
pub fn caller_cache_alloc(ctx: RawTracePointContext) -> i32 {
    let Some(watched) = watched() else { return 0 };
    let is_watched = if constant::<{ offset_of!(Layout, alloc_cache_arg) }>() != NONE {
        ctx.arg::<u64>(2) == watched.cache && ctx.arg::<u64>(1) != 0
    } else {
        is_of(watched, ctx.arg(1), ctx.arg(3))
    };
    if is_watched {
        allocated(&ctx);
    }
    0
}

/// `kmalloc(call_site, ptr, bytes_req, bytes_alloc, gfp, …)`, and `kmalloc_node` on 5.10.
#[raw_tracepoint(tracepoint = "kmalloc")]
pub fn caller_kmalloc(ctx: RawTracePointContext) -> i32 {
    let Some(watched) = watched() else { return 0 };
    if is_of(watched, ctx.arg(1), ctx.arg(3)) {
        allocated(&ctx);
    }
    0
}

/// `kmem_cache_free(call_site, ptr, …)` and `kfree(call_site, ptr)`, before the object is freed.
#[raw_tracepoint(tracepoint = "kmem_cache_free")]
pub fn caller_free(ctx: RawTracePointContext) -> i32 {
    freed(ctx.arg(1));
    0
}

/// `kmem_cache_free(cache, object)`: on 5.10 its tracepoint comes after the free. And
/// `__kfree_rcu_sheaf(cache, object)`, from which an object goes to the free ones of its CPU after a
/// grace period, without a tracepoint (mm/slub.c, 6.18).
#[kprobe]
pub fn caller_cache_free(ctx: ProbeContext) -> u32 {
    freed(ctx.arg(1).unwrap_or(0));
    0
}

/// `kmem_cache_free_bulk(cache or null, size, pointers)`.
#[kprobe]
pub fn caller_free_bulk(ctx: ProbeContext) -> u32 {
    if watched().is_none() {
        return 0;
    }
    let (size, array): (u64, u64) = (ctx.arg(1).unwrap_or(0), ctx.arg(2).unwrap_or(0));
    let Some(at) = chain_at() else { return 0 };
    let from = *at;
    for index in 0..BODY {
        if from + index >= size {
            break;
        }
        forget(pointer_at(array, from + index), false);
    }
    chain(&ctx, &CALLER_NEXT, NEXT_FREE_BULK, at, size);
    0
}
