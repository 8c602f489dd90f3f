//! Things that tasks wait for.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

/// The kind of thing that a task waits for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[derive(IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum ResourceKind {
    /// `struct mutex`.
    Mutex,
    /// `struct rw_semaphore`.
    Rwsem,
    /// `struct percpu_rw_semaphore`.
    PercpuRwsem,
    /// `struct rt_mutex`.
    RtMutex,
    /// `struct semaphore`.
    Semaphore,
    /// References to a page that must go before it can be moved (mm/memory_hotplug.c:
    /// do_migrate_range()).
    PageRef,
    /// Room in a full pipe, or bytes in an empty one.
    Pipe,
    /// `struct completion`.
    Completion,
    /// `struct wait_queue_head` without further knowledge.
    WaitQueue,
    /// The dying tasks of a cgroup (kernel/cgroup/cgroup.c: cgroup_drain_dying()).
    CgroupDrain,
    /// The other tasks of a pid namespace (kernel/pid_namespace.c: zap_pid_ns_processes()).
    PidNsDrain,
    /// The reaping of a zombie task by its parent.
    Reap,
    /// A child that ends (kernel/exit.c: do_wait()).
    ChildExit,
    /// A work item or a workqueue that is flushed.
    Work,
    /// A grace period of RCU.
    Rcu,
    /// A device.
    Io,
    /// Active references to a node of kernfs (fs/kernfs/dir.c: kernfs_drain()).
    Kernfs,
    /// References of a `percpu_ref` that is killed.
    PercpuRef,
    /// The answer of a file system in user space (fs/fuse/dev.c: request_wait_answer()).
    Fuse,
    /// A word in user memory.
    Futex,
    /// The freezer that froze the task, and may thaw it.
    Freezer,
    /// Time that `memory.high` or `cpu.max` makes a task wait.
    Throttle,
    /// The answer to a permission event (fs/notify/fanotify/fanotify.c: fanotify_get_response()).
    Fanotify,
    /// The other threads of a process, which must end or stop (fs/exec.c: de_thread(),
    /// fs/coredump.c: coredump_wait()).
    Threads,
    /// A core dump that the other threads wait for (kernel/exit.c: coredump_task_exit()).
    CoreDump,
    /// All work that is queued in a workqueue.
    Workqueue,
    /// Not known, or not known to this version.
    #[default]
    #[serde(other)]
    Unknown,
}

/// The thing that a task waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Resource {
    /// Its kind.
    pub kind: ResourceKind,
    /// Its symbol, where it is a variable of the kernel.
    pub name: Option<String>,
    /// Its address.
    pub addr: u64,
}

/// The mode of a lock.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Mode {
    /// Shared.
    Read,
    /// Exclusive.
    #[default]
    #[serde(other)]
    Write,
}
