//! Tasks that offline memory, which hold `mem_hotplug_lock` for writing: the pages that they cannot
//! migrate.

use aya_ebpf::macros::{kprobe, map};
use aya_ebpf::maps::HashMap;
use aya_ebpf::programs::ProbeContext;
use memcg_trace_common::hold::{OFFLINE_PAGES, Offline, OfflinePage};
use memcg_trace_common::loss::Loss;

use crate::current::{now_ns, task_and_start};
use crate::maps::loss::lost;

#[map]
static OFFLINES: HashMap<u64, Offline> = HashMap::with_max_entries(64, 0);

/// The current task has failed or is done.
#[inline(always)]
pub fn ended() {
    let _ = OFFLINES.remove(&task_and_start().0);
}

/// `offline_pages(start_pfn, nr_pages, …)`.
#[kprobe]
pub fn offline_begin(_ctx: ProbeContext) -> u32 {
    let (task, start_ns) = task_and_start();
    let offline = Offline {
        start_ns,
        begin_ns: now_ns(),
        end_pfn: 0,
        pages: [OfflinePage::default(); OFFLINE_PAGES],
    };
    if OFFLINES.insert(&task, &offline, 0).is_err() {
        lost(Loss::Hold, 1);
    }
    0
}

/// `do_migrate_range(start_pfn, end_pfn)`: called again and again with the first page that cannot
/// be migrated, or with one of several such pages.
#[kprobe]
pub fn offline_try(ctx: ProbeContext) -> u32 {
    let pfn: u64 = ctx.arg(0).unwrap_or(0);
    let end_pfn: u64 = ctx.arg(1).unwrap_or(0);
    let (task, start_ns) = task_and_start();
    if let Some(offline) = OFFLINES.get_ptr_mut(&task) {
        // SAFETY: the entry is this task's own, which nobody else changes.
        let offline = unsafe { &mut *offline };
        if offline.start_ns == start_ns {
            count_try(offline, pfn, end_pfn);
            return 0;
        }
    }
    // The offlining began before the probes were attached: when its pages were first tried is
    // unknown.
    let mut offline = Offline {
        start_ns,
        begin_ns: 0,
        end_pfn: 0,
        pages: [OfflinePage::default(); OFFLINE_PAGES],
    };
    count_try(&mut offline, pfn, end_pfn);
    if OFFLINES.insert(&task, &offline, 0).is_err() {
        lost(Loss::Hold, 1);
    }
    0
}

#[inline(always)]
fn count_try(offline: &mut Offline, pfn: u64, end_pfn: u64) {
    offline.end_pfn = end_pfn;
    let now = now_ns();
    let since_ns = if offline.begin_ns != 0 { now } else { 0 };
    let [first, others @ ..] = &mut offline.pages;
    let mut place = first;
    for page in others {
        if place.pfn != pfn && (page.pfn == pfn || page.last_ns < place.last_ns) {
            place = page;
        }
    }
    if place.pfn != pfn {
        *place = OfflinePage {
            pfn,
            since_ns,
            last_ns: now,
            tries: 0,
        };
    }
    place.last_ns = now;
    place.tries += 1;
}
