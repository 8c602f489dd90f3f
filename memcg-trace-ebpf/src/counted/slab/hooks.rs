//! Slab objects charged to a memory cgroup, and uncharged: counts per object cgroup and cache, and
//! nothing else, since these are the hottest hooks.
//!
//! An object keeps its owner for life (`owner.rs`), so its allocation and its free are booked
//! to the same key (`count.rs`).

use core::mem::{MaybeUninit, offset_of};

use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::generated::bpf_get_func_arg;
use aya_ebpf::macros::{fentry, fexit, kprobe, raw_tracepoint};
use aya_ebpf::programs::{FEntryContext, FExitContext, ProbeContext, RawTracePointContext};
use memcg_trace_common::layout::Layout;
use memcg_trace_common::loss::Loss;
use memcg_trace_common::slab::KNOWN_NOBODY;

use crate::counted::slab::chain::{
    BODY, NEXT_FREE_BULK, NEXT_FREE_HOOK, SLAB_NEXT, chain, chain_at, tail_call,
};
use crate::counted::slab::count::{count_alloc, count_free, count_known};
use crate::counted::slab::known::remember;
use crate::counted::slab::owner::{
    Slab, owner, pointer_at, size_of_cache, slab_at, slab_of, slab_with,
};
use crate::layout::constants::{NONE, constant, has_cast, load_half};
use crate::layout::read::{page_offset, read, read_to};
use crate::maps::loss::lost;

const CACHE_FLAGS: usize = offset_of!(Layout, cache_flags);
const CACHE_SIZE: usize = offset_of!(Layout, cache_size);
const GFP_ACCOUNT: usize = offset_of!(Layout, gfp_account_mask);
const CACHE_ACCOUNT: usize = offset_of!(Layout, cache_account_mask);
const VECTOR_ARG: usize = offset_of!(Layout, free_hook_vector_arg);
/// Argument number of the vector in the free hook, on kernels that have that argument.
const VECTOR: u32 = 4;

/// Owner and cache of an object; `None` if nobody is charged for it. `size` is the size of the
/// cache's objects; 0 if unknown.
#[inline(always)]
fn owner_and_cache(object: u64, size: u64) -> Option<(u64, u64)> {
    let slab = slab_of(object, false)?;
    let size = match size {
        0 => size_of_cache(slab.cache),
        size => size,
    };
    Some((owner(&slab, size, object)?, slab.cache))
}

/// Counts an allocation from a cache that the hook does not name.
#[inline(always)]
fn allocated(object: u64, size: u64) {
    // The allocation may have failed, or be ZERO_SIZE_PTR.
    if object < page_offset() {
        return;
    }
    match owner_and_cache(object, size) {
        Some((objcg, cache)) => count_alloc(object, objcg, cache),
        None => is_nobodys(object),
    }
}

/// Notes that nobody is charged for an object, on kernels on which its free cannot be missed.
/// There, the object cannot be charged later either (`kmem_cache_charge()` came with 6.12).
#[inline(always)]
fn is_nobodys(object: u64) {
    if constant::<{ offset_of!(Layout, has_free_hook) }>() == 0 {
        remember(object, KNOWN_NOBODY);
    }
}

/// Counts a free from a cache that the hook does not name.
#[inline(always)]
fn freed(object: u64) {
    // A null pointer and ZERO_SIZE_PTR may be freed.
    if object < page_offset() || count_known(object) {
        return;
    }
    if let Some((objcg, cache)) = owner_and_cache(object, 0) {
        count_free(objcg, cache);
    }
}

/// Largest distance in bytes from the flags of a cache to its size at which one read gets both.
const NEAR: u64 = 24;

/// Flags of a cache and the size of its objects; 0 where unreadable, or not read yet.
#[inline(always)]
fn flags_and_size(cache: u64) -> (u64, u64) {
    if has_cast() {
        // The size is not needed if the flags say that nobody is charged.
        return (load_half::<CACHE_FLAGS>(cache), 0);
    }
    let (flags, size) = (constant::<CACHE_FLAGS>(), constant::<CACHE_SIZE>());
    if size < flags || size - flags > NEAR {
        let flags: Option<u32> = read(cache + flags);
        let size: Option<u32> = read(cache + size);
        return (u64::from(flags.unwrap_or(0)), u64::from(size.unwrap_or(0)));
    }
    let mut words = MaybeUninit::<[u64; 4]>::uninit();
    if !read_to(cache + flags, &mut words) {
        return (0, 0);
    }
    let bytes = words.as_ptr().cast::<u8>();
    // SAFETY: read above; at most NEAR bytes into 32, and aligned for a u32.
    unsafe {
        let size = bytes.add((size - flags) as usize).cast::<u32>().read();
        (u64::from(bytes.cast::<u32>().read()), u64::from(size))
    }
}

/// An allocation, after it was charged, from a cache that the tracepoint names. Objects of caches
/// without accounting are filtered out early.
#[inline(always)]
fn allocated_from(cache: u64, object: u64, gfp: u64) {
    let (flags, size) = flags_and_size(cache);
    let is_accounted =
        (gfp & constant::<GFP_ACCOUNT>()) | (flags & constant::<CACHE_ACCOUNT>()) != 0;
    // The allocation may have failed.
    if object == 0 {
        return;
    }
    let objcg = match is_accounted {
        true => owner_in(cache, size, object),
        false => None,
    };
    match objcg {
        Some(objcg) => count_alloc(object, objcg, cache),
        None => is_nobodys(object),
    }
}

/// The key of an object of a cache.
#[inline(always)]
fn owner_in(cache: u64, size: u64, object: u64) -> Option<u64> {
    let slab = slab_of(object, true)?;
    let size = match size {
        0 => size_of_cache(cache),
        size => size,
    };
    owner(&slab, size, object)
}

/// `kmem_cache_alloc(call_site, ptr, cache, gfp, node)`; on 5.10, like `kmem_cache_alloc_node`
/// there, `(call_site, ptr, bytes_req, bytes_alloc, gfp)`.
#[raw_tracepoint(tracepoint = "kmem_cache_alloc")]
pub fn slab_cache_alloc(ctx: RawTracePointContext) -> i32 {
    if constant::<{ offset_of!(Layout, alloc_cache_arg) }>() != NONE {
        allocated_from(ctx.arg(2), ctx.arg(1), ctx.arg(3));
    } else {
        // The cache is not an argument: the vector tells whether it is an accounted one.
        allocated(ctx.arg(1), ctx.arg(3));
    }
    0
}

/// `kmalloc(call_site, ptr, bytes_req, bytes_alloc, gfp, …)`, and `kmalloc_node` on 5.10.
#[raw_tracepoint(tracepoint = "kmalloc")]
pub fn slab_kmalloc(ctx: RawTracePointContext) -> i32 {
    // Objects of its caches are charged only with this flag. Large allocations are not slab
    // objects: their bytes_alloc differs, and they have no vector.
    let gfp: u64 = ctx.arg(4);
    if gfp & constant::<GFP_ACCOUNT>() != 0 {
        allocated(ctx.arg(1), ctx.arg(3));
    }
    0
}

/// `kmem_cache_free(call_site, ptr, …)` and `kfree(call_site, ptr)`, before the object is freed.
#[raw_tracepoint(tracepoint = "kmem_cache_free")]
pub fn slab_free(ctx: RawTracePointContext) -> i32 {
    freed(ctx.arg(1));
    0
}

/// `kmem_cache_free(cache, object)`: on 5.10 its tracepoint comes after the free.
#[kprobe]
pub fn slab_cache_free(ctx: ProbeContext) -> u32 {
    freed(ctx.arg(1).unwrap_or(0));
    0
}

/// `kmem_cache_free_bulk(cache or null, size, pointers)`.
#[kprobe]
pub fn slab_free_bulk(ctx: ProbeContext) -> u32 {
    let (size, array): (u64, u64) = (ctx.arg(1).unwrap_or(0), ctx.arg(2).unwrap_or(0));
    let Some(at) = chain_at() else { return 0 };
    let from = *at;
    for index in 0..BODY {
        if from + index >= size {
            break;
        }
        freed(pointer_at(array, from + index));
    }
    chain(&ctx, &SLAB_NEXT, NEXT_FREE_BULK, at, size);
    0
}

/// The slab and the object size for a free hook. The hook mostly gets the vector as an argument.
#[inline(always)]
fn hooked(cache: u64, page: u64, vector: u64) -> Option<(Slab, u64)> {
    let slab = match constant::<VECTOR_ARG>() {
        NONE => slab_at(page)?,
        _ => slab_with(cache, page, vector)?,
    };
    Some((slab, size_of_cache(cache)))
}

#[inline(always)]
fn uncharge(slab: &Slab, size: u64, cache: u64, object: u64) {
    if let Some(objcg) = owner(slab, size, object) {
        count_free(objcg, cache);
    }
}

/// `__memcg_slab_free_hook(cache, slab, pointers, objects, …)`: accounted slabs only, all ways to
/// free, the owners still in place.
#[kprobe]
pub fn slab_free_hook(ctx: ProbeContext) -> u32 {
    let (cache, page): (u64, u64) = (ctx.arg(0).unwrap_or(0), ctx.arg(1).unwrap_or(0));
    let (array, objects): (u64, u32) = (ctx.arg(2).unwrap_or(0), ctx.arg(3).unwrap_or(0));
    let vector: u64 = ctx.arg(VECTOR as usize).unwrap_or(0);
    if objects != 1 {
        tail_call(&ctx, &SLAB_NEXT, NEXT_FREE_HOOK);
        lost(Loss::SlabBulk, u64::from(objects));
        return 0;
    }
    let object = pointer_at(array, 0);
    if count_known(object) {
        return 0;
    }
    match hooked(cache, page, vector) {
        Some((slab, size)) => uncharge(&slab, size, cache, object),
        None => lost(Loss::SlabRead, 1),
    }
    0
}

/// `__memcg_slab_free_hook` for several objects: a program of its own, since that is rare. A
/// function instead would leave a frame on the stack with each tail call.
#[kprobe]
pub fn slab_free_hook_many(ctx: ProbeContext) -> u32 {
    let (cache, page): (u64, u64) = (ctx.arg(0).unwrap_or(0), ctx.arg(1).unwrap_or(0));
    let (array, objects): (u64, u32) = (ctx.arg(2).unwrap_or(0), ctx.arg(3).unwrap_or(0));
    let (objects, vector) = (u64::from(objects), ctx.arg(VECTOR as usize).unwrap_or(0));
    let Some((slab, size)) = hooked(cache, page, vector) else {
        lost(Loss::SlabRead, objects);
        return 0;
    };
    let Some(at) = chain_at() else { return 0 };
    let from = *at;
    for index in 0..BODY {
        if from + index >= objects {
            break;
        }
        let object = pointer_at(array, from + index);
        if !count_known(object) {
            uncharge(&slab, size, cache, object);
        }
    }
    chain(&ctx, &SLAB_NEXT, NEXT_FREE_HOOK, at, objects);
    0
}

/// An argument of the function that a trampoline is attached to. By a helper (5.17; the slab pair
/// came with 6.10): from the context itself the verifier allows reads of structs only, and only at
/// offsets that the compiler did not compute.
#[inline(always)]
fn argument(ctx: &impl EbpfContext, n: u32) -> u64 {
    let mut value = 0;
    // SAFETY: the helper writes one word, or fails if there is no such argument.
    let _ = unsafe { bpf_get_func_arg(ctx.as_ptr(), n, &raw mut value) };
    value
}

/// Objects that a trampoline program counts: it cannot share a map of programs with kprobes.
const AT_ONCE: u64 = 32;

/// `__memcg_slab_free_hook` by a trampoline.
#[fentry(function = "__memcg_slab_free_hook")]
pub fn slab_free_hook_fentry(ctx: FEntryContext) -> i32 {
    let (cache, slab) = (argument(&ctx, 0), argument(&ctx, 1));
    let (array, objects) = (argument(&ctx, 2), argument(&ctx, 3) & 0xffff_ffff);
    let vector = match constant::<VECTOR_ARG>() {
        NONE => 0,
        _ => argument(&ctx, VECTOR),
    };
    let Some((found, size)) = hooked(cache, slab, vector) else {
        lost(Loss::SlabRead, objects);
        return 0;
    };
    for index in 0..AT_ONCE {
        if index >= objects {
            return 0;
        }
        let object = pointer_at(array, index);
        if !count_known(object) {
            uncharge(&found, size, cache, object);
        }
    }
    lost(Loss::SlabBulk, objects.saturating_sub(AT_ONCE));
    0
}

/// `__memcg_slab_post_alloc_hook(cache, …, size, pointers)` by a trampoline at its end. If the
/// function failed, objects that were already charged have their owner, and will be freed.
#[fexit(function = "__memcg_slab_post_alloc_hook")]
pub fn slab_post_alloc_fexit(ctx: FExitContext) -> i32 {
    let at = constant::<{ offset_of!(Layout, post_alloc_size_arg) }>() as u32;
    let (size, array) = (argument(&ctx, at), argument(&ctx, at + 1));
    for index in 0..AT_ONCE {
        if index >= size {
            return 0;
        }
        allocated(pointer_at(array, index), 0);
    }
    lost(Loss::SlabBulk, size.saturating_sub(AT_ONCE));
    0
}
