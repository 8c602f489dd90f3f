//! Waits in words, for people.

use super::graph::Needs;
use super::verdict::{Deadlock, Edge, State};
use crate::sample::waits::{Resource, Task};
use crate::sample::{Mode, ResourceKind, sanitized};

/// A task as `comm[tid]`.
#[must_use]
pub fn task(task: &Task) -> String {
    format!("{}[{}]", task.comm.display(), task.tid)
}

/// A resource by the best name that it has.
#[must_use]
pub fn resource(resource: &Resource) -> String {
    let of = resource.of.as_ref().map(|of| of.display());
    match (resource.kind, resource.pfn, resource.ino) {
        (ResourceKind::PageRef, Some(pfn), _) => return format!("pfn {pfn:#x}"),
        (ResourceKind::Pipe, _, Some(ino)) => return format!("pipe:[{ino}]"),
        _ => {}
    }
    match (&resource.name, of) {
        (Some(name), Some(of)) => format!("{} of {of}", sanitized(name)),
        (Some(name), None) => sanitized(name).into_owned(),
        (None, Some(of)) => of.into_owned(),
        (None, None) if resource.addr == 0 => format!("a {}", kind(resource.kind)),
        (None, None) => format!("{} {:#x}", kind(resource.kind), resource.addr),
    }
}

/// The kind of a resource, for people.
#[must_use]
pub fn kind(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Mutex => "mutex",
        ResourceKind::Rwsem => "rwsem",
        ResourceKind::PercpuRwsem => "percpu-rwsem",
        ResourceKind::RtMutex => "rt-mutex",
        ResourceKind::Semaphore => "semaphore",
        ResourceKind::PageRef => "page reference",
        ResourceKind::Pipe => "pipe",
        ResourceKind::Completion => "completion",
        ResourceKind::WaitQueue => "wait queue",
        ResourceKind::CgroupDrain => "cgroup drain",
        ResourceKind::PidNsDrain => "pid namespace drain",
        ResourceKind::Reap => "reaping",
        ResourceKind::ChildExit => "child's exit",
        ResourceKind::Work => "work item",
        ResourceKind::Rcu => "grace period of RCU",
        ResourceKind::Io => "device",
        ResourceKind::Kernfs => "kernfs node",
        ResourceKind::PercpuRef => "percpu-ref",
        ResourceKind::Fuse => "FUSE request",
        ResourceKind::Futex => "futex",
        ResourceKind::Freezer => "freezer",
        ResourceKind::Throttle => "throttle",
        ResourceKind::Fanotify => "answer to a fanotify event",
        ResourceKind::Threads => "end of the other threads",
        ResourceKind::CoreDump => "core dump",
        ResourceKind::Workqueue => "workqueue",
        ResourceKind::Unknown => "resource of unknown kind",
    }
}

/// A wait, without the holder: `waits to read mem_hotplug_lock`.
#[must_use]
pub fn wait(what: &Resource, mode: Mode, is_retry: bool) -> String {
    let name = resource(what);
    match what.kind {
        ResourceKind::Rwsem | ResourceKind::PercpuRwsem if mode == Mode::Read => {
            format!("waits to read {name}")
        }
        ResourceKind::Rwsem | ResourceKind::PercpuRwsem => format!("waits to write {name}"),
        ResourceKind::PageRef if is_retry => {
            format!("tries without end to move {name}")
        }
        ResourceKind::PageRef => format!("waits for the references to {name}"),
        ResourceKind::Pipe if mode == Mode::Read => format!("waits for bytes in {name}"),
        ResourceKind::Pipe => format!("waits for room in {name}"),
        ResourceKind::CgroupDrain => format!("waits for the dying tasks of {name}"),
        ResourceKind::PidNsDrain => "waits for the other tasks of its pid namespace".to_owned(),
        ResourceKind::Reap => "is dead and waits to be reaped".to_owned(),
        ResourceKind::ChildExit => "waits for a child to end".to_owned(),
        ResourceKind::Fuse => "waits for a file system in user space".to_owned(),
        ResourceKind::Fanotify => "waits for the answer to a fanotify event".to_owned(),
        ResourceKind::Threads => "waits for the other threads of its process".to_owned(),
        ResourceKind::CoreDump => "waits until its core is dumped".to_owned(),
        ResourceKind::Workqueue => format!("waits for all that is queued in {name}"),
        ResourceKind::Kernfs => format!("waits for the users of {name}"),
        ResourceKind::Freezer => "is frozen".to_owned(),
        ResourceKind::Throttle => format!("is throttled by {name}"),
        _ => format!("waits for {name}"),
    }
}

/// The holder's part in a wait, as a clause after the wait: `, held by kworker[33]`.
#[must_use]
pub fn hold(kind: ResourceKind, wanted: Mode, held: Mode, holder: &str) -> String {
    match kind {
        ResourceKind::Rwsem | ResourceKind::PercpuRwsem if held == Mode::Read => {
            format!(", held for reading by {holder}")
        }
        ResourceKind::Mutex
        | ResourceKind::RtMutex
        | ResourceKind::Rwsem
        | ResourceKind::PercpuRwsem
        | ResourceKind::Semaphore => format!(", held by {holder}"),
        ResourceKind::PageRef => format!(", which {holder} has a reference to"),
        ResourceKind::Pipe if wanted == Mode::Read => format!(", which {holder} should write"),
        ResourceKind::Pipe => format!(", which {holder} should read"),
        ResourceKind::CgroupDrain | ResourceKind::PidNsDrain | ResourceKind::Threads => {
            format!(", {holder} among them")
        }
        ResourceKind::Fuse => format!(", which {holder} serves"),
        ResourceKind::Fanotify => format!(", which {holder} should give"),
        ResourceKind::CoreDump => format!(", by {holder}"),
        ResourceKind::Reap => format!(" by {holder}"),
        ResourceKind::ChildExit => format!(", {holder}"),
        ResourceKind::Work => format!(", which {holder} works on or has to run first"),
        ResourceKind::Workqueue => format!(", {holder} works on it"),
        ResourceKind::Kernfs | ResourceKind::PercpuRef => format!(", in use by {holder}"),
        _ => format!(", which takes {holder}"),
    }
}

/// One wait for one holder.
#[must_use]
pub fn edge(edge: &Edge, from: &Task, to: &Task) -> String {
    let mut text = task(from);
    text.push(' ');
    text.push_str(&wait(&edge.resource, edge.mode, edge.is_retry));
    let kind = edge.resource.kind;
    text.push_str(&hold(kind, edge.mode, edge.held, &task(to)));
    if edge.needs == Needs::Any && edge.resource.kind == ResourceKind::Pipe {
        // No other task can end the wait, or there would be no deadlock.
        text.push_str(" and nobody else can");
    }
    text
}

/// A deadlock in one sentence, for a bug report.
pub(super) fn sentence(deadlock: &Deadlock) -> String {
    let cycle = deadlock.edges.iter().take(deadlock.cycle_edges);
    let waits: Vec<String> = cycle
        .filter_map(|one| {
            let members = &deadlock.members;
            Some(edge(one, members.get(one.from)?, members.get(one.to)?))
        })
        .collect();
    let count = match waits.len() {
        1 => "1 task waits for itself".to_owned(),
        count => format!("{count} tasks wait for each other"),
    };
    let how = match deadlock.state {
        State::Confirmed | State::Resolved => "for ever",
        State::Suspected => "perhaps for ever",
    };
    format!("{count} {how}: {}.", waits.join("; "))
}
