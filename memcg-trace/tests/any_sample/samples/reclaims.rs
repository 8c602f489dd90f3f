//! Arbitrary reclaim, and the memory of a memcg at an OOM kill.

use memcg_trace::sample::oom::{Composition, OomLevel, OomMemory, ShmemFile, ShmemFiles};
use memcg_trace::sample::reclaim::{
    Cause, Pressure, Reclaim, ReclaimCount, Shrinking, Stall, StalledTask,
};

use super::*;

fn cause() -> impl Strategy<Value = Cause> {
    prop_oneof![
        Just(Cause::Kswapd),
        Just(Cause::Direct),
        Just(Cause::High),
        Just(Cause::Max),
        Just(Cause::Proactive),
        Just(Cause::DropCaches),
        Just(Cause::Unknown),
    ]
}

prop_compose! {
    pub fn reclaim()(
        as_of_ns in figure(),
        counts in vec((of(serial_nr()), cause(), of(serial_nr()), figure(), figure()), 0..4),
        stalled in vec((name(), of(serial_nr()), figure()), 0..3),
        runs in vec((name(), of(serial_nr()), figure(), 0_u64..2), 0..3),
        lost in vec((serial_nr(), figure()), 0..3),
        counts_pages: bool,
        counts_throttles: bool,
    ) -> Reclaim {
        Reclaim {
            as_of_ns, counts_pages, counts_throttles,
            counts: counts.into_iter().map(|(memcg, cause, limit, ns, pages)| ReclaimCount {
                memcg_serial_nr: memcg, cause, limit_serial_nr: limit,
                stalls_total: pages, stall_ns_total: ns, max_ns: ns, background_ns_total: ns,
                scanned_pages_total: pages, reclaimed_pages_total: ns, visit_ns_total: ns,
                ..ReclaimCount::default()
            }).collect(),
            tasks: stalled.into_iter().map(|(comm, memcg_serial_nr, ns)| StalledTask {
                comm, memcg_serial_nr, stall_ns_total: ns, ..StalledTask::default()
            }).collect(),
            stalls: runs.iter().map(|(comm, memcg, since_ns, odd)| Stall {
                task: Task { comm: comm.clone(), memcg_serial_nr: *memcg, ..Task::default() },
                memcg_serial_nr: *memcg, since_ns: *since_ns,
                is_throttled: *odd == 1, unconfirmed: *odd == 0,
                ..Stall::default()
            }).collect(),
            shrinking: runs.into_iter().map(|(comm, memcg, begin_ns, shrinker)| Shrinking {
                comm, memcg_serial_nr: memcg, begin_ns, shrinker, ..Shrinking::default()
            }).collect(),
            pressure: lost.into_iter().map(|(memcg_serial_nr, ns)| Pressure {
                memcg_serial_nr, some_ns_total: ns, full_ns_total: ns,
            }).collect(),
        }
    }
}

/// A memory all of whose figures are one number.
pub fn oom_memory(serial_nr: u64, figure: u64, name: &Text) -> Box<OomMemory> {
    let bytes = Some(figure);
    let level = OomLevel {
        serial_nr,
        usage_bytes: bytes,
        min_bytes: bytes,
        swap_bytes: bytes,
        swap_max_bytes: bytes,
        ..OomLevel::default()
    };
    let file = ShmemFile {
        path: Some(name.clone()),
        bytes: figure,
        ..ShmemFile::default()
    };
    Box::new(OomMemory {
        time_ns: figure,
        composition: Composition {
            anon_bytes: bytes,
            shmem_bytes: bytes,
            file_dirty_bytes: bytes,
            file_writeback_bytes: bytes,
            pagetables_bytes: bytes,
            sec_pagetables_bytes: bytes,
            slab_unreclaimable_bytes: bytes,
            ..Composition::default()
        },
        levels: vec![level.clone()],
        below: vec![level],
        files: Some(ShmemFiles {
            files: vec![file.clone(), file],
            not_checked: vec![name.display().into_owned()],
            ..ShmemFiles::default()
        }),
        ..OomMemory::default()
    })
}
