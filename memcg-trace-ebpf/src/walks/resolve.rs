//! Lookups of pointers: user space asks for pointers that are new, or whose meaning may have
//! changed.

use aya_ebpf::helpers::bpf_probe_read_kernel_str_bytes;
use aya_ebpf::macros::{map, raw_tracepoint};
use aya_ebpf::maps::Array;
use aya_ebpf::programs::RawTracePointContext;
use memcg_trace_common::lock::{self, ASK_CLOSE, WAITER_ENDED, WAITER_WAITS, WaiterAsk, WaiterRow};
use memcg_trace_common::shrinker::{self, ShrinkerAsk, ShrinkerRow};
use memcg_trace_common::slab::{self, CacheAsk, CacheRow, ObjcgAsk, ObjcgRow};

use crate::counted::owner;
use crate::counted::serial_nr_of_task;
use crate::counted::wait_slots;
use crate::layout::read::{LAYOUT, field, has, learn_bases, offset, pointer};

#[map]
static OBJCG_ASK: Array<ObjcgAsk> = Array::with_max_entries(1, 0);
#[map]
static CACHE_ASK: Array<CacheAsk> = Array::with_max_entries(1, 0);
#[map]
static SHRINKER_ASK: Array<ShrinkerAsk> = Array::with_max_entries(1, 0);
#[map]
static WAITER_ASK: Array<WaiterAsk> = Array::with_max_entries(1, 0);

/// Reads the bases of the direct map and of the page descriptors.
#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn bases(_ctx: RawTracePointContext) -> i32 {
    let _ = learn_bases();
    0
}

/// Present owners of objcgs.
#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn resolve_objcgs(_ctx: RawTracePointContext) -> i32 {
    let Some(ask) = OBJCG_ASK.get_ptr_mut(0) else {
        return 0;
    };
    for index in 0..slab::RESOLVE_ROWS {
        // SAFETY: a value of the map, and in bounds; user space waits until the run has ended.
        let row: &mut ObjcgRow = unsafe {
            if index as u64 >= (*ask).rows {
                return 0;
            }
            &mut *(&raw mut (*ask).row).cast::<ObjcgRow>().add(index)
        };
        row.memcg_serial_nr = pointer(
            pointer(row.objcg, &LAYOUT.objcg_memcg),
            &LAYOUT.css_serial_nr,
        );
    }
    0
}

/// Names and sizes of caches.
#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn resolve_caches(_ctx: RawTracePointContext) -> i32 {
    let Some(ask) = CACHE_ASK.get_ptr_mut(0) else {
        return 0;
    };
    for index in 0..slab::RESOLVE_ROWS {
        // SAFETY: as above.
        let row: &mut CacheRow = unsafe {
            if index as u64 >= (*ask).rows {
                return 0;
            }
            &mut *(&raw mut (*ask).row).cast::<CacheRow>().add(index)
        };
        row.size_bytes = field(row.cache, &LAYOUT.cache_size).unwrap_or(0);
        row.object_bytes = field(row.cache, &LAYOUT.cache_object_size).unwrap_or(0);
        row.name[0] = 0;
        let name = pointer(row.cache, &LAYOUT.cache_name);
        // SAFETY: the helper reads safely at any address.
        let _ = unsafe { bpf_probe_read_kernel_str_bytes(name as *const u8, &mut row.name) };
    }
    0
}

/// Functions of shrinkers, and the superblock behind those that have one.
#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn resolve_shrinkers(_ctx: RawTracePointContext) -> i32 {
    let Some(ask) = SHRINKER_ASK.get_ptr_mut(0) else {
        return 0;
    };
    for index in 0..shrinker::RESOLVE_ROWS {
        // SAFETY: as above.
        let (row, super_cache_scan): (&mut ShrinkerRow, u64) = unsafe {
            if index as u64 >= (*ask).rows {
                return 0;
            }
            (
                &mut *(&raw mut (*ask).row).cast::<ShrinkerRow>().add(index),
                (*ask).super_cache_scan,
            )
        };
        row.scan_objects = field(row.shrinker, &LAYOUT.shrinker_scan_objects).unwrap_or(0);
        row.count_objects = field(row.shrinker, &LAYOUT.shrinker_count_objects).unwrap_or(0);
        row.flags = field(row.shrinker, &LAYOUT.shrinker_flags).unwrap_or(0);
        row.fs[0] = 0;
        if row.scan_objects != 0 && row.scan_objects == super_cache_scan {
            superblock(row);
        }
    }
    0
}

/// Until 6.6 the shrinker is embedded in its superblock, later it points to the superblock.
#[inline(always)]
fn superblock(row: &mut ShrinkerRow) {
    let block = if has(&LAYOUT.shrinker_private_data) {
        pointer(row.shrinker, &LAYOUT.shrinker_private_data)
    } else {
        row.shrinker.wrapping_sub(offset(&LAYOUT.sb_shrink))
    };
    row.dev = field(block, &LAYOUT.sb_dev).unwrap_or(0);
    let name = pointer(pointer(block, &LAYOUT.sb_type), &LAYOUT.fs_type_name);
    // SAFETY: the helper reads safely at any address.
    let _ = unsafe { bpf_probe_read_kernel_str_bytes(name as *const u8, &mut row.fs) };
}

/// Waiters, and whether they still wait.
#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn resolve_waiters(_ctx: RawTracePointContext) -> i32 {
    let Some(ask) = WAITER_ASK.get_ptr_mut(0) else {
        return 0;
    };
    for index in 0..lock::RESOLVE_ROWS {
        // SAFETY: as above.
        let (row, what): (&mut WaiterRow, u64) = unsafe {
            if index as u64 >= (*ask).rows {
                return 0;
            }
            (
                &mut *(&raw mut (*ask).row).cast::<WaiterRow>().add(index),
                (*ask).what,
            )
        };
        row.state = WAITER_ENDED;
        let Some(wait) = wait_slots::at(row.slot) else {
            continue;
        };
        // SAFETY: a value of the map. User space discards what it read during a change.
        unsafe {
            if (*wait).lock != row.wait.lock
                || (*wait).begin_ns != row.wait.begin_ns
                || (*wait).tid != row.wait.tid
            {
                continue;
            }
            row.wait = *wait;
            if what == ASK_CLOSE {
                (*wait).lock = 0;
            }
        }
        row.state = WAITER_WAITS;
        who(row);
    }
    0
}

#[inline(always)]
fn who(row: &mut WaiterRow) {
    let task = row.wait.task;
    row.start_ns = field(task, &LAYOUT.task_start_time).unwrap_or(0);
    row.memcg_serial_nr = serial_nr_of_task(task);
    row.pid = field(task, &LAYOUT.task_tgid).unwrap_or(0);
    row.comm = field(task, &LAYOUT.task_comm).unwrap_or_default();
    let owner = owner(row.wait.lock, row.wait.flags);
    row.owner_tid = 0;
    if owner != 0 {
        row.owner_tid = field(owner, &LAYOUT.task_pid).unwrap_or(0);
        row.owner_comm = field(owner, &LAYOUT.task_comm).unwrap_or_default();
    }
}
