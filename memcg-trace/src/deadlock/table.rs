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

/// A thing that ends the wait for a resource.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ender {
    /// The owner of a lock, or those who hold it for reading.
    Owner,
    /// Another task, in the kernel.
    Task,
    /// A task by the will of its program.
    Program,
    /// Something known that is no task.
    Itself,
}

fn ender(kind: ResourceKind) -> Ender {
    match kind {
        ResourceKind::Mutex
        | ResourceKind::RtMutex
        | ResourceKind::Rwsem
        | ResourceKind::PercpuRwsem
        | ResourceKind::Semaphore => Ender::Owner,
        ResourceKind::Pipe | ResourceKind::ChildExit | ResourceKind::Futex => Ender::Program,
        ResourceKind::Io | ResourceKind::Freezer | ResourceKind::Throttle => Ender::Itself,
        ResourceKind::PageRef
        | ResourceKind::CgroupDrain
        | ResourceKind::PidNsDrain
        | ResourceKind::Threads
        | ResourceKind::Workqueue
        | ResourceKind::Kernfs
        | ResourceKind::PercpuRef
        | ResourceKind::Rcu
        | ResourceKind::Completion
        | ResourceKind::WaitQueue
        | ResourceKind::Reap
        | ResourceKind::Work
        | ResourceKind::Fuse
        | ResourceKind::Fanotify
        | ResourceKind::CoreDump
        | ResourceKind::Unknown => Ender::Task,
    }
}

/// Returns whether the resource is a lock that has one owner, or that many may hold for reading.
#[must_use]
pub fn is_lock(kind: ResourceKind) -> bool {
    ender(kind) == Ender::Owner
}

/// Returns whether tasks wait there for each other by the will of their programs. A ring of such
/// waits alone is for the programs to break, and many sleep on purpose until a signal comes.
#[must_use]
pub fn is_of_user_space(kind: ResourceKind) -> bool {
    ender(kind) == Ender::Program
}

/// Returns whether the kernel makes tasks wait for the resource. A shell that waits for its child,
/// and a reader of an empty pipe, may wait for ever.
#[must_use]
pub fn is_of_the_kernel(kind: ResourceKind) -> bool {
    !is_of_user_space(kind) && kind != ResourceKind::Reap
}

/// Returns whether something known that is no task ends the wait: a device answers, a clock ends a
/// limit, the user who froze a file system or cgroup may thaw it.
#[must_use]
pub fn acts_by_itself(kind: ResourceKind) -> bool {
    ender(kind) == Ender::Itself
}
