//! Waits for locks, as events count them.

use serde::{Deserialize, Serialize};

use super::{LockHold, LockRelease, LockTimes, Text};

/// Waits for locks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Locks {
    /// The time of reading the counters.
    pub as_of_ns: u64,
    /// Waits in progress.
    pub waits: Vec<LockWait>,
    /// Waits that ended since the start.
    pub counts: Vec<LockCount>,
    /// Histograms of their durations, by lock.
    pub times: Vec<LockTimes>,
    /// Releases of locks that others waited for; `None` where that is not observed.
    pub releases: Option<Vec<LockRelease>>,
    /// Holds of locks, where they are traced.
    pub holds: Vec<LockHold>,
}

/// The kind of thing that a task waits for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Shared.
    Read,
    /// Exclusive.
    #[default]
    #[serde(other)]
    Write,
}

/// A task, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Task {
    /// Process id; `None` where only the thread is known.
    pub pid: Option<u32>,
    /// Thread id.
    pub tid: u32,
    /// Its name.
    pub comm: Text,
    /// When it was started, CLOCK_MONOTONIC.
    pub start_ns: Option<u64>,
    /// Its memcg.
    pub memcg_serial_nr: Option<u64>,
}

/// A task that waits for a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockWait {
    /// The waiter.
    pub task: Task,
    /// The lock.
    pub resource: Resource,
    /// The mode that it asks for.
    pub mode: Mode,
    /// Its start, CLOCK_MONOTONIC.
    pub since_ns: u64,
    /// The owner of the lock, by its owner word.
    pub owner: Option<Task>,
    /// Whether its task ran when it was read, so that the wait may be over.
    pub unconfirmed: bool,
}

/// Waits for one lock by the tasks of one memcg that ended since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockCount {
    /// The lock.
    pub resource: Resource,
    /// The waiters' memcg.
    pub memcg_serial_nr: Option<u64>,
    /// Their number.
    pub waits_total: u64,
    /// The sum of their durations.
    pub wait_ns_total: u64,
    /// The longest.
    pub max_ns: u64,
    /// The number of waits without a known duration, which add nothing to `wait_ns_total`.
    pub unmeasured_total: u64,
}
