//! What is held and by whom, where that can be seen cheaply: percpu-rwsems by their writers (no
//! word of theirs says who that is) and `mem_hotplug_lock` by its readers, memory by who takes it
//! away, pages by who dumps core. All of these functions are called rarely; no one hooks their
//! returns, so an entry says that a task asked, and a walk whether it has got.

use aya_ebpf::helpers::generated::{
    bpf_get_current_pid_tgid, bpf_get_current_task, bpf_ktime_get_ns,
};
use aya_ebpf::macros::{kprobe, map};
use aya_ebpf::maps::{HashMap, LruHashMap};
use aya_ebpf::programs::ProbeContext;
use memcg_trace_common::hold::{Dump, DumpHelper, Hold, HoldKey, Offline};
use memcg_trace_common::lock::flags;
use memcg_trace_common::loss::Loss;

use crate::loss::lost;
use crate::read::{LAYOUT, field, pointer, word};

/// Least recently used first out: a superblock may be thawed by another task than froze it.
#[map]
static HOLDS: LruHashMap<HoldKey, Hold> = LruHashMap::with_max_entries(4096, 0);
#[map]
static OFFLINES: HashMap<u64, Offline> = HashMap::with_max_entries(64, 0);
/// Who dumped is gone without a word.
#[map]
static DUMPS: LruHashMap<u64, Dump> = LruHashMap::with_max_entries(512, 0);
#[map]
static DUMP_HELPERS: LruHashMap<u64, DumpHelper> = LruHashMap::with_max_entries(512, 0);

#[inline(always)]
fn now_ns() -> u64 {
    // SAFETY: no preconditions.
    unsafe { bpf_ktime_get_ns() }
}

/// Address of the current task, and when it was started.
#[inline(always)]
fn current() -> (u64, u64) {
    // SAFETY: no preconditions.
    let task = unsafe { bpf_get_current_task() };
    (task, field(task, &LAYOUT.task_start_time).unwrap_or(0))
}

#[inline(always)]
fn asked(lock: u64, flags: u32) {
    let (task, start_ns) = current();
    // SAFETY: no preconditions.
    let tid = unsafe { bpf_get_current_pid_tgid() } as u32;
    let hold = Hold {
        start_ns,
        asked_ns: now_ns(),
        flags,
        tid,
    };
    if HOLDS.insert(&HoldKey { lock, task }, &hold, 0).is_err() {
        lost(Loss::Hold, 1);
    }
}

#[inline(always)]
fn let_go(lock: u64) {
    let (task, _) = current();
    let _ = HOLDS.remove(&HoldKey { lock, task });
}

/// `percpu_down_write(sem)`.
#[kprobe]
pub fn hold_percpu_write(ctx: ProbeContext) -> u32 {
    asked(ctx.arg(0).unwrap_or(0), flags::PERCPU | flags::WRITE);
    0
}

/// `percpu_up_write(sem)`.
#[kprobe]
pub fn hold_percpu_done(ctx: ProbeContext) -> u32 {
    let lock: u64 = ctx.arg(0).unwrap_or(0);
    let_go(lock);
    if lock == word(&LAYOUT.sym_mem_hotplug_lock) {
        // It has given up, or is done.
        let _ = OFFLINES.remove(&current().0);
    }
    0
}

/// `get_online_mems()`.
#[kprobe]
pub fn hold_mems_read(_ctx: ProbeContext) -> u32 {
    let lock = word(&LAYOUT.sym_mem_hotplug_lock);
    asked(lock, flags::PERCPU | flags::READ);
    0
}

/// `put_online_mems()`.
#[kprobe]
pub fn hold_mems_done(_ctx: ProbeContext) -> u32 {
    let_go(word(&LAYOUT.sym_mem_hotplug_lock));
    0
}

/// `offline_pages(start_pfn, nr_pages, …)`.
#[kprobe]
pub fn offline_begin(_ctx: ProbeContext) -> u32 {
    let (task, start_ns) = current();
    let offline = Offline {
        start_ns,
        begin_ns: now_ns(),
        pfn: 0,
        pfn_ns: 0,
        tries: 0,
    };
    if OFFLINES.insert(&task, &offline, 0).is_err() {
        lost(Loss::Hold, 1);
    }
    0
}

/// `do_migrate_range(start_pfn, end_pfn)`: again and again with the first page that does not go.
#[kprobe]
pub fn offline_try(ctx: ProbeContext) -> u32 {
    let pfn: u64 = ctx.arg(0).unwrap_or(0);
    let (task, start_ns) = current();
    if let Some(offline) = OFFLINES.get_ptr_mut(&task) {
        // SAFETY: the entry is this task's own, which nobody else changes.
        unsafe {
            if (*offline).start_ns == start_ns {
                if (*offline).pfn != pfn {
                    (*offline).pfn = pfn;
                    (*offline).pfn_ns = now_ns();
                    (*offline).tries = 0;
                }
                (*offline).tries += 1;
                return 0;
            }
        }
    }
    // It began before us: since when it tries this page is not known.
    let offline = Offline {
        start_ns,
        begin_ns: 0,
        pfn,
        pfn_ns: 0,
        tries: 1,
    };
    if OFFLINES.insert(&task, &offline, 0).is_err() {
        lost(Loss::Hold, 1);
    }
    0
}

/// `do_coredump(…)`, later `vfs_coredump(…)`.
#[kprobe]
pub fn dump_begin(_ctx: ProbeContext) -> u32 {
    let (task, start_ns) = current();
    let dump = Dump {
        start_ns,
        begin_ns: now_ns(),
        address: 0,
        page_ns: 0,
    };
    if DUMPS.insert(&task, &dump, 0).is_err() {
        lost(Loss::Hold, 1);
    }
    0
}

/// `get_dump_page(address, …)`.
#[kprobe]
pub fn dump_page(ctx: ProbeContext) -> u32 {
    let address: u64 = ctx.arg(0).unwrap_or(0);
    let (task, start_ns) = current();
    if let Some(dump) = DUMPS.get_ptr_mut(&task) {
        // SAFETY: the entry is this task's own, which nobody else changes.
        unsafe {
            if (*dump).start_ns == start_ns {
                (*dump).address = address;
                (*dump).page_ns = now_ns();
                return 0;
            }
        }
    }
    let dump = Dump {
        start_ns,
        begin_ns: 0,
        address,
        page_ns: now_ns(),
    };
    if DUMPS.insert(&task, &dump, 0).is_err() {
        lost(Loss::Hold, 1);
    }
    0
}

/// `umh_coredump_setup(info, new)`, in the process that is to read the core.
#[kprobe]
pub fn dump_helper(ctx: ProbeContext) -> u32 {
    let (task, start_ns) = current();
    let helper = DumpHelper {
        start_ns,
        begin_ns: now_ns(),
        params: pointer(ctx.arg(0).unwrap_or(0), &LAYOUT.subprocess_data),
    };
    if DUMP_HELPERS.insert(&task, &helper, 0).is_err() {
        lost(Loss::Hold, 1);
    }
    0
}
