//! The table of waits: who of a resource's holders must act for a wait to end.

use super::graph::Needs;
use crate::sample::ResourceKind;

/// Whether all holders of a resource must act before a task that waits for it goes on, or
/// whether one of them is enough.
#[must_use]
pub fn needs(kind: ResourceKind) -> Needs {
    match kind {
        // Every owner must let go; of a read-held one, every reader. Who stands in line behind
        // a writer depends on the same holders, through that writer.
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

/// Whether it is a lock that has one owner, or that many may hold for reading.
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

/// Whether tasks wait there for each other by the will of their programs. A ring of nothing but
/// such waits is theirs to break, and many are meant to sleep until a signal comes.
#[must_use]
pub fn is_of_user_space(kind: ResourceKind) -> bool {
    matches!(
        kind,
        ResourceKind::Pipe | ResourceKind::ChildExit | ResourceKind::Futex
    )
}

/// Whether what ends a wait for it is no task, and is known: a device answers, a clock lets go,
/// whoever froze it may thaw it.
#[must_use]
pub fn acts_by_itself(kind: ResourceKind) -> bool {
    matches!(
        kind,
        ResourceKind::Io | ResourceKind::Freezer | ResourceKind::Throttle
    )
}
