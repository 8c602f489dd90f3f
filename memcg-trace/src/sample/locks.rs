//! Waits for locks, as events count them.

use serde::{Deserialize, Serialize};

use super::{LockHold, LockRelease, LockTimes, Text};

/// Waits for locks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Locks {
    /// When they were read.
    pub as_of_ns: u64,
    /// Waits that go on.
    pub waits: Vec<LockWait>,
    /// Waits that ended since the start.
    pub counts: Vec<LockCount>,
    /// How long they lasted, by lock.
    pub times: Vec<LockTimes>,
    /// Who let go of locks that others waited for; `None` where that is not observed.
    pub releases: Option<Vec<LockRelease>>,
    /// How locks were held, where that is traced.
    pub holds: Vec<LockHold>,
}

/// What kind of thing is waited for.
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
    /// `struct wait_queue_head` of which no more is known.
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
    /// Whoever froze the task and may thaw it.
    Freezer,
    /// Time that `memory.high` or `cpu.max` makes a task wait.
    Throttle,
    /// The answer to a permission event (fs/notify/fanotify/fanotify.c: fanotify_get_response()).
    Fanotify,
    /// The other threads of a process, which have to end or to stop (fs/exec.c: de_thread(),
    /// fs/coredump.c: coredump_wait()).
    Threads,
    /// A core that is dumped, which the other threads wait for (kernel/exit.c:
    /// coredump_task_exit()).
    CoreDump,
    /// All that is queued in a workqueue.
    Workqueue,
    /// Not known, or not known to this version.
    #[default]
    #[serde(other)]
    Unknown,
}

/// What is waited for.
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

/// How a lock is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Shared.
    Read,
    /// Alone.
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
    /// Who.
    pub task: Task,
    /// For what.
    pub resource: Resource,
    /// How.
    pub mode: Mode,
    /// Since when, CLOCK_MONOTONIC.
    pub since_ns: u64,
    /// Who has it, by its owner word.
    pub owner: Option<Task>,
    /// Whether its task ran when it was looked at, so that the wait may be over.
    pub unconfirmed: bool,
}

/// Waits for one lock by the tasks of one memcg, ended since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockCount {
    /// Which lock.
    pub resource: Resource,
    /// The waiters' memcg.
    pub memcg_serial_nr: Option<u64>,
    /// How many.
    pub waits_total: u64,
    /// Their time.
    pub wait_ns_total: u64,
    /// The longest.
    pub max_ns: u64,
    /// How many of them have no known length, and add nothing to `wait_ns_total`.
    pub unmeasured_total: u64,
}
