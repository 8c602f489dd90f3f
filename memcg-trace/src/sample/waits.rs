//! Who waits for whom: the answer to one question, as the kernel's memory gave it.
//!
//! A *wait* joins a task to a *resource*; *holders* are the tasks that must act for it to end.
//! What follows from that (who waits for ever) is worked out in [`crate::deadlock`] and nowhere
//! else: here are facts, each with its evidence. Whatever could not be found out is said, in
//! [`Resource::incomplete`] or [`Waits::not_checked`]; a holder is never left out in silence.
//!
//! One look at the tasks of a host is not an instant, so there are two, and what is the same in
//! both was so all the time between them.

use serde::{Deserialize, Serialize};

use super::{Mode, ResourceKind, Text};

/// All long waits of the host, as two looks found them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Waits {
    /// One or two looks, oldest first, 100 ms or more apart. The second may be of those tasks and
    /// resources alone that waits of the first name, and need have no stacks.
    pub looks: Vec<Look>,
    /// Stacks, see [`Task::stack`]: functions from the innermost outwards, each once.
    pub stacks: Vec<Vec<String>>,
    /// Since when waits are traced by events, CLOCK_MONOTONIC; `None` if they are not. What has
    /// no [`Wait::since_ns`] began before.
    pub traced_since_ns: Option<u64>,
    /// Events of waits that were lost since then; `None` where that is not known.
    pub lost_total: Option<u64>,
    /// What could not be looked at on the whole host.
    pub not_checked: Vec<NotChecked>,
}

/// The tasks, waits and resources of about one moment. They name each other by their places in
/// the lists of the same look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Look {
    /// When it began and ended, CLOCK_MONOTONIC.
    pub begin_ns: u64,
    /// See `begin_ns`.
    pub end_ns: u64,
    /// Time that it took of a CPU.
    pub took_ns: u64,
    /// Tasks that were looked at, every thread on its own.
    pub visited_tasks: u64,
    /// Set where a bound or an error stopped the walk: so many were seen.
    pub truncated_at: Option<u64>,
    /// Every task that waits, that a resource names as holder, or that has the CPU of one of them,
    /// each once. A task that is held
    /// up by nothing (it runs, or sleeps where no row of the table of waits knows it) has no
    /// wait, and that is how it counts as alive.
    pub tasks: Vec<Task>,
    /// Every resource that a wait names, each once.
    pub resources: Vec<Resource>,
    /// The waits. A task with several has to wait for all of them to end.
    pub waits: Vec<Wait>,
}

/// A task (a thread).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Task {
    /// Address of its `task_struct`. Memory is used again: with `start_ns` it is its identity.
    pub addr: u64,
    /// Process id (`task_struct.tgid`).
    pub pid: u32,
    /// Thread id (`task_struct.pid`).
    pub tid: u32,
    /// Its name, up to the first NUL.
    pub comm: Text,
    /// When it was started (`start_time`, CLOCK_MONOTONIC).
    pub start_ns: Option<u64>,
    /// Its state as in `ps`: `R`, `S`, `D`, `T`, `t`, `Z`, `X`, `I`; `None` where it could not
    /// be told.
    pub state: Option<char>,
    /// A thread of the kernel's own (`PF_KTHREAD`): no signal reaches it.
    pub kernel_thread: bool,
    /// `nvcsw + nivcsw`. Unchanged between two looks, for a task that was off the CPU in both,
    /// means that it never ran in between.
    pub switches: Option<u64>,
    /// When it last got a CPU (`sched_info.last_arrival`, whose clock is close to
    /// CLOCK_MONOTONIC): its wait began later.
    pub ran_ns: Option<u64>,
    /// When it went off the CPU, of one that sleeps (`ran_ns` and what it ran since, less the
    /// time of interrupts): its wait began before, about.
    pub slept_ns: Option<u64>,
    /// Its memcg.
    pub memcg_serial_nr: Option<u64>,
    /// Its stack in the kernel, a place in [`Waits::stacks`]; `None` where it could not be read,
    /// as of a task on a CPU.
    pub stack: Option<u32>,
    /// Its priority, if it is a real-time task, up to 99; 100 for one with deadlines.
    pub real_time: Option<u32>,
    /// Of one that is ready to run: whether it does. `None` where that could not be told.
    pub run: Option<Run>,
}

/// Where a task runs, or what keeps it from it though it is ready to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// Number of the CPU.
    pub cpu: u32,
    /// It has the CPU.
    pub on_cpu: bool,
    /// Who has the CPU instead, a place in [`Look::tasks`]; `None` where that is its idle task.
    pub behind: Option<u32>,
    /// The cgroup whose `cpu.max` is used up for now.
    pub throttled_by: Option<Text>,
}

/// What is waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resource {
    /// Its kind.
    pub kind: ResourceKind,
    /// Its symbol (`cgroup_mutex`), or the member that it is (`inode.i_rwsem`).
    pub name: Option<String>,
    /// Of a member: which structure that is (the path of the inode, the device of the
    /// superblock, the path of the cgroup).
    pub of: Option<Text>,
    /// Address of the lock, `pipe_inode_info`, `struct page`, cgroup, pid namespace, work item
    /// or, of [`ResourceKind::Reap`], zombie task. With the kind, it tells one resource from
    /// another within a look; 0 where it is not known, and then each such resource is another.
    pub addr: u64,
    /// Of [`ResourceKind::PageRef`]: the page.
    pub pfn: Option<u64>,
    /// Inode number of a pipe, pid namespace or cgroup.
    pub ino: Option<u64>,
    /// The owner word as it is, with its flags, where the lock has one (`mutex.owner`,
    /// `rw_semaphore.owner`). A word without a task while others wait is an orphaned lock.
    pub owner_word: Option<u64>,
    /// Who must act for a wait to end: owners of a lock, readers of a full pipe (every thread of
    /// every process that has it open), tasks with a reference to a page, tasks that must die,
    /// the threads of a parent that may reap, the worker of a work item. Nobody is here because
    /// he waits for it.
    pub holders: Vec<Holder>,
    /// What keeps it that is no task, in one line: a frozen file system has no owner, and whoever
    /// thaws it lets all go on. There are no holders then.
    pub kept_by: Option<String>,
    /// Why there may be holders that are not in the list, in one line (`1 of 2 readers was not
    /// found`, `its wakers are not known`); `None` if it is complete.
    pub incomplete: Option<String>,
}

/// A task that must act.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Holder {
    /// A place in [`Look::tasks`].
    pub task: u32,
    /// Of a lock: how it is held.
    pub mode: Mode,
    /// How that is known.
    pub evidence: Evidence,
    /// Of a pipe: the descriptor.
    pub fd: Option<u32>,
}

/// A task that waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wait {
    /// A place in [`Look::tasks`].
    pub task: u32,
    /// A place in [`Look::resources`].
    pub resource: u32,
    /// How it is wanted: of a pipe, whether to read or to write; of others that know no
    /// difference, `write`.
    pub mode: Mode,
    /// When the wait began, CLOCK_MONOTONIC; `None` if nobody was there to see it.
    pub since_ns: Option<u64>,
    /// How it is known. `traced` by events; `owner_word` where a waiter record, `blocked_on`,
    /// `blocker` or the state of the task itself says so; `inferred` from the function that it
    /// sleeps in; `hint` for less.
    pub evidence: Evidence,
    /// The function that it sleeps in, by which it was recognised.
    pub function: Option<String>,
    /// What else could end it. This does not keep a deadlock from being one.
    pub ends_on: EndsOn,
    /// It has a timeout, or something else that will surely end it: no deadlock.
    pub times_out: bool,
    /// Set if the task does not sleep but tries again and again (memory that goes offline):
    /// then its switch count moves, and this is what must be the same in both looks.
    pub retry: Option<Retry>,
}

/// A loop of tries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retry {
    /// Which run of the loop: a figure that is the same as long as the task has not left it
    /// (the time it was entered, where that was traced, else its locks and their owner words).
    pub span: u64,
    /// Tries that were seen so far; `None` where they are not counted.
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
    /// Any that the task does not ignore or block (`TASK_INTERRUPTIBLE`, or a loop that asks
    /// signal_pending()).
    AnySignal,
    /// Not known.
    #[default]
    #[serde(other)]
    Unknown,
}

/// How something is known, the best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// It was seen to happen.
    Traced,
    /// A word in the kernel's memory says so.
    OwnerWord,
    /// It follows from other facts of the kernel.
    Inferred,
    /// It may be so: the last reader of an rwsem, which need not be the one that holds it.
    /// Nothing is confirmed by it.
    #[default]
    #[serde(other)]
    Hint,
}

/// Something that could not be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct NotChecked {
    /// What: `file_tables`, `pagemap`, `stacks`, ….
    pub what: String,
    /// Why, in one line: `timed out`, …. What this makes uncertain is said by
    /// [`Resource::incomplete`] there.
    pub reason: String,
}
