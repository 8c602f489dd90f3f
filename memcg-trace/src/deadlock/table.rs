//! The table of waits: the holders of a resource that must act for a wait to end.

use super::graph::Needs;
use crate::sample::ResourceKind;

/// Returns whether all holders of a resource must act before its waiter can make progress, or
/// whether one of them is enough.
#[must_use]
pub fn needs(kind: ResourceKind) -> Needs {
    match kind {
        // Every owner must release; of a read-held lock, every reader. A waiter that is queued
        // behind a writer depends on the same holders, through that writer.
        ResourceKind::Mutex
        | ResourceKind::RtMutex
        | ResourceKind::Rwsem
        | ResourceKind::PercpuRwsem
        // Every reference must go, every task must die.
        | ResourceKind::PageRef
        | ResourceKind::CgroupDrain
        | ResourceKind::PidNsDrain
        | ResourceKind::Threads
        | ResourceKind::Workqueue
        | ResourceKind::Kernfs
        | ResourceKind::PercpuRef
        | ResourceKind::Rcu => Needs::All,
        ResourceKind::Semaphore
        | ResourceKind::Pipe
        | ResourceKind::Completion
        | ResourceKind::WaitQueue
        | ResourceKind::Reap
        | ResourceKind::ChildExit
        | ResourceKind::Work
        | ResourceKind::Io
        | ResourceKind::Fuse
        | ResourceKind::Futex
        | ResourceKind::Freezer
        | ResourceKind::Throttle
        | ResourceKind::Fanotify
        | ResourceKind::CoreDump
        | ResourceKind::Unknown => Needs::Any,
    }
}

/// Returns whether the resource is a lock that has one owner, or that many may hold for reading.
#[must_use]
pub fn is_lock(kind: ResourceKind) -> bool {
    matches!(
        kind,
        ResourceKind::Mutex
            | ResourceKind::RtMutex
            | ResourceKind::Rwsem
            | ResourceKind::PercpuRwsem
            | ResourceKind::Semaphore
    )
}

/// Returns whether tasks wait there for each other by the will of their programs. A ring of such
/// waits alone is for the programs to break, and many sleep on purpose until a signal comes.
#[must_use]
pub fn is_of_user_space(kind: ResourceKind) -> bool {
    matches!(
        kind,
        ResourceKind::Pipe | ResourceKind::ChildExit | ResourceKind::Futex
    )
}

/// Returns whether something known that is no task ends the wait: a device answers, a clock ends a
/// limit, the user who froze a file system or cgroup may thaw it.
#[must_use]
pub fn acts_by_itself(kind: ResourceKind) -> bool {
    matches!(
        kind,
        ResourceKind::Io | ResourceKind::Freezer | ResourceKind::Throttle
    )
}
