//! Rows of waits for locks, as samples have them, and sums of rows.

use memcg_trace_common::lock::{LockCount, LockKey, WaiterRow, flags};

use crate::kernel::counted::room;
use crate::kernel::host::symbols::Names;
use crate::sample::{LockCount as Count, LockWait, Mode, Resource, ResourceKind, Task, Text};

/// The start of the kernel's text, data and modules (x86-64, Documentation/arch/x86/x86_64/mm.rst);
/// memory below is allocated and has no symbol.
pub(super) const SYMBOLS_BEGIN: u64 = 0xffff_ffff_8000_0000;

pub(super) fn wait(names: &Names, row: &WaiterRow, is_sure: bool) -> LockWait {
    let owner = (row.owner_tid != 0).then(|| Task {
        tid: row.owner_tid,
        comm: Text::from_c(&row.owner_comm),
        ..Task::default()
    });
    LockWait {
        task: Task {
            pid: (row.pid != 0).then_some(row.pid),
            tid: row.wait.tid,
            comm: Text::from_c(&row.comm),
            start_ns: (row.start_ns != 0).then_some(row.start_ns),
            memcg_serial_nr: (row.memcg_serial_nr != 0).then_some(row.memcg_serial_nr),
        },
        resource: resource(names, row.wait.lock, row.wait.flags),
        mode: if row.wait.flags & flags::READ != 0 {
            Mode::Read
        } else {
            Mode::Write
        },
        since_ns: row.wait.begin_ns,
        owner,
        unconfirmed: !is_sure,
    }
}

pub(super) fn count(names: &Names, key: &LockKey, sum: LockCount) -> Count {
    let kind = u32::try_from(key.kind).unwrap_or(0);
    Count {
        resource: resource(names, key.lock, kind),
        memcg_serial_nr: room::known(key.memcg_serial_nr),
        waits_total: sum.waits,
        wait_ns_total: sum.wait_ns,
        max_ns: sum.max_ns,
        unmeasured_total: sum.unmeasured,
    }
}

fn resource(names: &Names, lock: u64, of: u32) -> Resource {
    let kind = match of {
        _ if lock == 0 => ResourceKind::Unknown,
        of if of & flags::MUTEX != 0 => ResourceKind::Mutex,
        of if of & flags::PERCPU != 0 => ResourceKind::PercpuRwsem,
        of if of & flags::RWSEM != 0 => ResourceKind::Rwsem,
        of if of & flags::RT != 0 => ResourceKind::RtMutex,
        _ => ResourceKind::Semaphore,
    };
    Resource {
        kind,
        name: names.get(lock).map(str::to_owned),
        addr: lock,
    }
}

pub(super) fn key_of(row: &WaiterRow) -> LockKey {
    let kind = flags::PERCPU | flags::MUTEX | flags::RT | flags::RWSEM;
    LockKey {
        lock: row.wait.lock,
        memcg_serial_nr: row.memcg_serial_nr,
        kind: u64::from(row.wait.flags & kind),
    }
}

pub(super) fn add(sum: LockCount, one: LockCount) -> LockCount {
    LockCount {
        waits: sum.waits + one.waits,
        wait_ns: sum.wait_ns + one.wait_ns,
        max_ns: sum.max_ns.max(one.max_ns),
        unmeasured: sum.unmeasured + one.unmeasured,
    }
}
