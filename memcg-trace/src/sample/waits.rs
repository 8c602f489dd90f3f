//! Waits, resources and holders: the answer to one query, from the kernel's memory.
//!
//! A *wait* joins a task to a *resource*; *holders* are the tasks that must act for it to end.
//! [`crate::deadlock`] alone decides which tasks wait for ever: here are facts, each with its
//! evidence. [`Resource::incomplete`] and [`Waits::not_checked`] say what could not be found out;
//! no holder is left out in silence.
//!
//! One scan of the tasks of a host is not an instant, so there are two: a fact that is the same in
//! both held all the time between them.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use super::removals::Removals;
use super::{Mode, ResourceKind, Text};

/// All long waits of the host, as two scans found them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Waits {
    /// One or two scans, oldest first, 100 ms or more apart. The second may cover only the tasks
    /// and resources that waits of the first name, and may have no stacks.
    pub looks: Vec<TaskScan>,
    /// Stacks, see [`Task::stack`]: functions from the innermost outwards, each once.
    pub stacks: Vec<Vec<String>>,
    /// The time since which events trace waits, CLOCK_MONOTONIC; `None` if none do. A wait without
    /// [`Wait::since_ns`] began before it.
    pub traced_since_ns: Option<u64>,
    /// Events of waits that were lost since then; `None` where that is not known.
    pub lost_total: Option<u64>,
    /// Parts of the host that could not be read.
    pub not_checked: Vec<NotChecked>,
}

/// The tasks, waits and resources of about one moment. They name each other by their indices in the
/// lists of the same scan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskScan {
    /// The start of the scan, CLOCK_MONOTONIC.
    pub begin_ns: u64,
    /// The end of the scan, CLOCK_MONOTONIC.
    pub end_ns: u64,
    /// CPU time of the scan.
    pub took_ns: u64,
    /// Tasks that were read, every thread on its own.
    pub visited_tasks: u64,
    /// The number of tasks read, where a bound or an error stopped the walk.
    pub truncated_at: Option<u64>,
    /// Every task that waits, that a resource names as holder, or that has the CPU of one of them,
    /// each once. A task without a wait counts as alive: it runs, or sleeps in a function that the
    /// table of waits does not have.
    pub tasks: Vec<Task>,
    /// Every resource that a wait names, each once.
    pub resources: Vec<Resource>,
    /// The waits. A task with several has to wait for all of them to end.
    pub waits: Vec<Wait>,
    /// Removals of memory cgroups that are in progress; `None` where they were not looked for.
    pub removals: Option<Removals>,
}

/// A task (a thread).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Task {
    /// Address of its `task_struct`. Addresses are reused: only together with `start_ns` does one
    /// identify the task.
    pub addr: u64,
    /// Process id (`task_struct.tgid`).
    pub pid: u32,
    /// Thread id (`task_struct.pid`).
    pub tid: u32,
    /// Its name, up to the first NUL.
    pub comm: Text,
    /// When it was started (`start_time`, CLOCK_MONOTONIC).
    pub start_ns: Option<u64>,
    /// Its state as in `ps`: `R`, `S`, `D`, `T`, `t`, `Z`, `X`, `I`; `None` where it is not known.
    pub state: Option<char>,
    /// A thread of the kernel's own (`PF_KTHREAD`): no signal reaches it.
    pub kernel_thread: bool,
    /// `nvcsw + nivcsw`. Unchanged between two looks, for a task that was off the CPU in both,
    /// means that it never ran in between.
    pub switches: Option<u64>,
    /// When it last got a CPU (`sched_info.last_arrival`, whose clock is close to
    /// CLOCK_MONOTONIC): its wait began later.
    pub ran_ns: Option<u64>,
    /// When a sleeping task left the CPU (`ran_ns` and the time that it ran since, less the time of
    /// interrupts): its wait began at about that time or before.
    pub slept_ns: Option<u64>,
    /// Its memcg.
    pub memcg_serial_nr: Option<u64>,
    /// Its stack in the kernel, an index into [`Waits::stacks`]; `None` where the stack could not
    /// be read, as while the task is on a CPU.
    pub stack: Option<u32>,
    /// Its priority, if it is a real-time task, up to 99; 100 for one with deadlines.
    pub real_time: Option<u32>,
    /// Whether a task that is ready to run does run. `None` where that is not known.
    pub run: Option<Run>,
}

/// The CPU that a task runs on, or the reason why it is ready and does not run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// Number of the CPU.
    pub cpu: u32,
    /// Whether it has the CPU.
    pub on_cpu: bool,
    /// The task that has the CPU instead, an index into [`TaskScan::tasks`]; `None` where that is the
    /// idle task.
    pub behind: Option<u32>,
    /// The cgroup whose `cpu.max` is used up for now.
    pub throttled_by: Option<Text>,
}

/// The thing that a task waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resource {
    /// Its kind.
    pub kind: ResourceKind,
    /// Its symbol (`cgroup_mutex`), or its member name (`inode.i_rwsem`).
    pub name: Option<String>,
    /// The structure that the member is in: the path of the inode, the device of the superblock,
    /// the path of the cgroup.
    pub of: Option<Text>,
    /// Address of the lock, `pipe_inode_info`, `struct page`, cgroup, pid namespace, work item or,
    /// of [`ResourceKind::Reap`], zombie task. With the kind, it identifies a resource within a
    /// scan; 0 where it is not known, and then each such resource is another.
    pub addr: u64,
    /// The page of a [`ResourceKind::PageRef`].
    pub pfn: Option<u64>,
    /// Inode number of a pipe, pid namespace or cgroup.
    pub ino: Option<u64>,
    /// The raw owner word with its flags, where the lock has one (`mutex.owner`,
    /// `rw_semaphore.owner`). A word without a task while others wait means an orphaned lock.
    pub owner_word: Option<u64>,
    /// The tasks that must act for a wait to end: owners of a lock, readers of a full pipe (every
    /// thread of every process that has it open), tasks with a reference to a page, tasks that must
    /// die, the threads of a parent that may reap, the worker of a work item. A waiter is not a
    /// holder.
    pub holders: Vec<Holder>,
    /// The cause of the wait where it is not a task, in one line: a frozen file system has no
    /// owner, and thawing it unblocks all waiters. There are no holders then.
    pub kept_by: Option<String>,
    /// The reason why holders may be missing from the list, in one line
    /// (`1 of 2 readers was not found`, `its wakers are not known`); `None` if it is complete.
    pub incomplete: Option<String>,
}

/// A task that must act.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Holder {
    /// An index into [`TaskScan::tasks`].
    pub task: u32,
    /// The mode in which a lock is held.
    pub mode: Mode,
    /// The evidence for the holder.
    pub evidence: Evidence,
    /// The descriptor of a pipe.
    pub fd: Option<u32>,
}

/// A task that waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wait {
    /// An index into [`TaskScan::tasks`].
    pub task: u32,
    /// An index into [`TaskScan::resources`].
    pub resource: u32,
    /// The mode that the task asks for: to read or to write a pipe; `write` where the kind has only
    /// one mode.
    pub mode: Mode,
    /// When the wait began, CLOCK_MONOTONIC; `None` if no event saw it.
    pub since_ns: Option<u64>,
    /// The evidence for the wait: `traced` by events; `owner_word` where a waiter record,
    /// `blocked_on`, `blocker` or the state of the task itself says so; `inferred` from the
    /// function that it sleeps in; `hint` for less.
    pub evidence: Evidence,
    /// The function that the task sleeps in, by which the wait was recognised.
    pub function: Option<String>,
    /// Signals that could end it. A deadlock is one all the same.
    pub ends_on: EndsOn,
    /// Whether a timeout or something else will surely end it, so that it is no deadlock.
    pub times_out: bool,
    /// Set if the task retries instead of sleeping (offlining of memory). Its switch count changes
    /// then, so this is what both scans compare.
    pub retry: Option<Retry>,
}

/// A loop of retries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retry {
    /// The run of the loop: a figure that stays the same until the task leaves the loop (the time
    /// of its entry, where that was traced, else its locks and their owner words).
    pub span: u64,
    /// Tries so far; `None` where they are not counted.
    pub tries_total: Option<u64>,
}

/// Signals that end a wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndsOn {
    /// None: it cannot be interrupted.
    Nothing,
    /// SIGKILL alone (`TASK_WAKEKILL`).
    Kill,
    /// Any signal that the task does not ignore or block (`TASK_INTERRUPTIBLE`, or a loop that asks
    /// signal_pending()).
    AnySignal,
    /// Not known.
    #[default]
    #[serde(other)]
    Unknown,
}

/// The evidence for a fact, the best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Evidence {
    /// An event saw it.
    Traced,
    /// A word in the kernel's memory says it.
    OwnerWord,
    /// It follows from other facts of the kernel.
    Inferred,
    /// A guess, such as the last reader of an rwsem, which need not be its holder. A hint confirms
    /// nothing.
    #[default]
    #[serde(other)]
    Hint,
}

/// Something that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct NotChecked {
    /// The thing: `file_tables`, `pagemap`, `stacks`, ….
    pub what: String,
    /// The reason in one line: `timed out`, …. [`Resource::incomplete`] marks each resource that
    /// this makes uncertain.
    pub reason: String,
}
