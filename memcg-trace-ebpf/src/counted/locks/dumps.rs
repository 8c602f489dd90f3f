//! Tasks that dump core, which hold the `mmap_lock` of their memory, and the processes that read the
//! core.

use aya_ebpf::macros::{kprobe, map};
use aya_ebpf::maps::LruHashMap;
use aya_ebpf::programs::ProbeContext;
use memcg_trace_common::hold::{Dump, DumpHelper};
use memcg_trace_common::loss::Loss;

use crate::current::{now_ns, task_and_start};
use crate::layout::read::{LAYOUT, pointer};
use crate::maps::loss::lost;

/// LRU, since a dumping task exits without an event.
#[map]
static DUMPS: LruHashMap<u64, Dump> = LruHashMap::with_max_entries(512, 0);
#[map]
static DUMP_HELPERS: LruHashMap<u64, DumpHelper> = LruHashMap::with_max_entries(512, 0);

/// `do_coredump(…)`, later `vfs_coredump(…)`.
#[kprobe]
pub fn dump_begin(_ctx: ProbeContext) -> u32 {
    let (task, start_ns) = task_and_start();
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
    let (task, start_ns) = task_and_start();
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
    let (task, start_ns) = task_and_start();
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
