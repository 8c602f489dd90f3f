//! Names of things for people, fit for a terminal.

use std::fmt::Write as _;

use super::units;
use crate::model::snapshot::{MemcgId, Shrinker};
use crate::sample::{LockKind, Mode, Resource, Task, tame};

/// A task as `comm[tid]`.
#[must_use]
pub fn task(task: Option<&Task>) -> String {
    task.map_or_else(
        || units::UNKNOWN.to_owned(),
        |task| format!("{}[{}]", task.comm.display(), task.tid),
    )
}

/// A lock by its symbol, else by its address.
#[must_use]
pub fn lock(resource: &Resource) -> String {
    match &resource.name {
        Some(name) => tame(name).into_owned(),
        None => format!("{:#x}", resource.addr),
    }
}

/// The kind of a lock, as in the kernel's sources.
#[must_use]
pub fn lock_kind(kind: LockKind) -> &'static str {
    match kind {
        LockKind::Mutex => "mutex",
        LockKind::Rwsem => "rwsem",
        LockKind::PercpuRwsem => "percpu_rwsem",
        LockKind::RtMutex => "rt_mutex",
        LockKind::Semaphore => "semaphore",
        LockKind::Unknown => "lock",
    }
}

/// How a lock is wanted.
#[must_use]
pub fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Read => "read",
        Mode::Write => "write",
    }
}

/// Path of a memcg, fit for a terminal; by its serial number if it was never seen.
#[must_use]
pub fn path(id: Option<&MemcgId>) -> String {
    match id {
        None => units::UNKNOWN.to_owned(),
        Some(id) if id.path.is_empty() => format!("serial_nr:{}", id.serial_nr),
        Some(id) => id.path.display().into_owned(),
    }
}

/// A shrinker by its function, and its filesystem if it is that of a superblock.
#[must_use]
pub fn shrinker(row: &Shrinker) -> String {
    let mut text = tame(&row.shrinker).into_owned();
    let fs = row.fs.as_ref().map(|fs| fs.display().into_owned());
    let dev = row.dev.as_deref().map(|dev| tame(dev).into_owned());
    for detail in [fs, dev].into_iter().flatten() {
        let _ = write!(text, " {detail}");
    }
    text
}
