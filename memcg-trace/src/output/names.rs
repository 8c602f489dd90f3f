//! Names of things for people, fit for a terminal.

use std::fmt::Write as _;

use crate::deadlock::words;
use crate::model::origins::PinnedBy;
use crate::model::snapshot::{LockWait, MemcgId, Reclaim, Shrinker, Snapshot, Wait};
use crate::sample::reclaim::Cause;
use crate::sample::{Resource, Task, Text, sanitized};
use crate::units;

/// A task as `comm[tid]`.
#[must_use]
pub fn task(task: Option<&Task>) -> String {
    task.map_or_else(
        || units::UNKNOWN.to_owned(),
        |task| format!("{}[{}]", task.comm.display(), task.tid),
    )
}

/// The state of a task as in `ps`; `None` if there is no such state.
#[must_use]
pub fn state(state: Option<char>) -> Option<char> {
    state.filter(char::is_ascii_alphabetic)
}

/// A lock by its symbol, or by its address if it has none.
#[must_use]
pub fn lock(resource: &Resource) -> String {
    match &resource.name {
        Some(name) => sanitized(name).into_owned(),
        None => format!("{:#x}", resource.addr),
    }
}

/// The lock of a wait. One in allocated memory has no symbol: then it is called as the last scan of
/// all tasks found it, with its structure, if the task waited for it before that and still does.
#[must_use]
pub fn lock_of_wait(wait: &LockWait, snapshot: &Snapshot) -> String {
    let resource = &wait.facts.resource;
    if resource.name.is_some() || resource.addr == 0 {
        return lock(resource);
    }
    let scanned_ns = snapshot.judged.as_ref().map(|judged| judged.as_of_ns);
    let is_older = scanned_ns.is_some_and(|scanned_ns| wait.facts.since_ns < scanned_ns);
    let is_same = |one: &&Wait| {
        let task = one.task().map(|task| task.tid);
        task == Some(wait.facts.task.tid)
            && one
                .resource()
                .is_some_and(|found| found.addr == resource.addr)
    };
    let found = snapshot.waits.items.iter().find(is_same);
    let found = found.filter(|_| is_older).and_then(Wait::resource);
    found.map_or_else(|| lock(resource), words::resource)
}

/// The path of a group: that of the parent and the shape of the names.
#[must_use]
pub fn origin(parent: &Text, name: &Text) -> String {
    let parent = match parent.as_bytes() {
        b"/" => b"",
        path => path,
    };
    let path = Text::from([parent, b"/", name.as_bytes()].concat());
    path.display().into_owned()
}

/// The word for a group in whose members no pin was found.
pub const NOTHING_FOUND: &str = "nothing_found";

/// The kind of pin of a group, as in records; `None` if nobody asked.
#[must_use]
pub fn pinned_by(kind: PinnedBy) -> Option<&'static str> {
    match kind {
        PinnedBy::Kind(kind) => Some(kind.into()),
        PinnedBy::Nothing => Some(NOTHING_FOUND),
        PinnedBy::NotAsked => None,
    }
}

/// Path of a memcg with the container and the pod that it belongs to, fit for a terminal; its serial
/// number if no event or walk gave a path.
#[must_use]
pub fn path(id: Option<&MemcgId>) -> String {
    match id {
        Some(id) if !id.path.is_empty() => id.shown(),
        id => bare_path(id),
    }
}

/// The same with the path alone.
#[must_use]
pub fn bare_path(id: Option<&MemcgId>) -> String {
    match id {
        None => units::UNKNOWN.to_owned(),
        Some(id) if id.path.is_empty() => format!("serial_nr:{}", id.serial_nr),
        Some(id) => id.path.display().into_owned(),
    }
}

/// A shrinker by its function, and by its file system if it belongs to a superblock.
#[must_use]
pub fn shrinker(row: &Shrinker) -> String {
    let mut text = sanitized(&row.shrinker).into_owned();
    let fs = row.count.fs.as_ref().map(|fs| fs.display().into_owned());
    let dev = row
        .count
        .dev
        .as_deref()
        .map(|dev| sanitized(dev).into_owned());
    for detail in [fs, dev].into_iter().flatten() {
        let _ = write!(text, " {detail}");
    }
    text
}

/// Why memory is reclaimed.
#[must_use]
pub fn cause(cause: Cause) -> String {
    cause.as_str().unwrap_or(units::UNKNOWN).to_owned()
}

/// The memcg whose limit caused the reclaim: `own`, the path of an ancestor, or that there is no
/// limit.
#[must_use]
pub fn limited_by(row: &Reclaim) -> String {
    match &row.limited_by {
        None => units::UNKNOWN.to_owned(),
        Some(_) if row.count.limit_serial_nr == row.count.memcg_serial_nr => "own".to_owned(),
        Some(limit) => path(Some(limit)),
    }
}

/// The memcg that a shrinker ran for.
#[must_use]
pub fn reclaimed_for(row: &Shrinker) -> String {
    row.memcg
        .as_ref()
        .map_or_else(|| "global".to_owned(), |memcg| path(Some(memcg)))
}
