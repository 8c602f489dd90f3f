//! All tasks of the host, every thread on its own.

use std::collections::HashMap;

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::{Reader, is_kernel_address};
use crate::kernel::debugger::tasks;
use crate::kernel::layout::fields::Field;
use crate::sample::waits::Task;

/// Bound on the threads that are read.
const MAX_THREADS: usize = 1 << 20;
/// include/linux/sched.h.
const PF_EXITING: u64 = 0x4;
const PF_KTHREAD: u64 = 0x0020_0000;
pub(super) const EXIT_ZOMBIE: u64 = 0x20;
pub(super) const INTERRUPTIBLE: u64 = 1;
pub(super) const UNINTERRUPTIBLE: u64 = 2;
/// The task ends on SIGKILL, though it is uninterruptible.
const WAKEKILL: u64 = 0x100;
/// The task does not count as load.
const NOLOAD: u64 = 0x400;

/// A thread.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Thread {
    pub(super) addr: u64,
    pub(super) leader: u64,
    pub(super) tid: u32,
    pub(super) tgid: u32,
    pub(super) state: u64,
    pub(super) exit_state: u64,
    pub(super) on_cpu: bool,
    /// The thread is in the run queue of a CPU: it may have been preempted on its way to sleep.
    pub(super) is_queued: bool,
    pub(super) flags: u64,
    pub(super) switches: u64,
    /// The lowest address of its stack.
    pub(super) stack: u64,
    /// The stack pointer, while the task is off the CPU.
    pub(super) sp: u64,
    pub(super) files: u64,
}

impl Thread {
    /// Returns whether the thread is off the CPU until it is woken.
    pub(super) fn sleeps(&self) -> bool {
        let is_asleep = self.state & (INTERRUPTIBLE | UNINTERRUPTIBLE) != 0;
        is_asleep && self.exit_state == 0 && !self.on_cpu && !self.is_queued
    }

    /// Returns whether the thread runs, or will run as soon as it gets a CPU.
    pub(super) fn is_ready(&self) -> bool {
        self.exit_state == 0 && (self.state == 0 || self.on_cpu || self.is_queued)
    }

    /// Returns whether this is a kernel thread that has nothing to do. Other kernel threads sleep
    /// in that state, too, so as not to count as load.
    pub(super) fn is_idle(&self) -> bool {
        self.is_kernel_thread() && self.state & UNINTERRUPTIBLE != 0 && self.state & NOLOAD != 0
    }

    pub(super) fn is_kernel_thread(&self) -> bool {
        self.flags & PF_KTHREAD != 0
    }

    pub(super) fn exits(&self) -> bool {
        self.flags & PF_EXITING != 0
    }

    pub(super) fn ends_on_kill(&self) -> bool {
        self.state & WAKEKILL != 0
    }
}

/// All threads.
#[derive(Debug, Default)]
pub(super) struct Threads {
    pub(super) all: Vec<Thread>,
    /// Set where a bound stopped the walk.
    pub(super) truncated: bool,
    by_address: HashMap<u64, usize>,
    /// Start addresses of the stacks, sorted, with the index of the thread.
    stacks: Vec<(u64, usize)>,
    /// `THREAD_SIZE`.
    pub(super) stack_bytes: u64,
}

impl Threads {
    /// Reads all threads. The switch counts come first: if a task does not run any more, everything
    /// read after them belongs to the same sleep.
    pub(super) fn read(reader: &Reader<'_>, stack_bytes: u64) -> Result<Self, Unreadable> {
        let leaders = tasks::all(reader)?.processes;
        let leaders: Vec<_> = leaders.iter().map(|process| process.task).collect();
        let mut threads = addresses(reader, &leaders)?;
        let truncated = threads.len() > MAX_THREADS;
        threads.truncate(MAX_THREADS);
        let tasks: Vec<_> = threads.iter().map(|(task, _)| *task).collect();
        let state = if reader.has(Field::TaskState) {
            Field::TaskState
        } else {
            Field::TaskStateLong
        };
        let column = |field| reader.column(&tasks, field);
        let voluntary = column(Field::TaskNvcsw)?;
        let involuntary = column(Field::TaskNivcsw)?;
        let columns = [
            column(state)?,
            column(Field::TaskExitState)?,
            column(Field::TaskOnCpu)?,
            column(Field::TaskFlags)?,
            column(Field::TaskStack)?,
            column(Field::TaskSp)?,
            column(Field::TaskFiles)?,
            column(Field::TaskPid)?,
            column(Field::TaskTgid)?,
            column(Field::TaskOnRq)?,
        ];
        // Since 6.12 a task that sleeps stays in the queue for a while.
        let delayed = match reader.has(Field::TaskSchedDelayed) {
            true => column(Field::TaskSchedDelayed)?,
            false => vec![Some(0); tasks.len()],
        };
        let mut all = Vec::with_capacity(threads.len());
        for (at, (addr, leader)) in threads.into_iter().enumerate() {
            let [
                state,
                exit_state,
                on_cpu,
                flags,
                stack,
                sp,
                files,
                tid,
                tgid,
                on_rq,
            ] = columns.each_ref().map(|column| column[at]);
            // A thread that cannot be read is gone.
            let (Some(nvcsw), Some(nivcsw), Some(state)) = (voluntary[at], involuntary[at], state)
            else {
                continue;
            };
            all.push(Thread {
                addr,
                leader,
                tid: tid.and_then(|tid| u32::try_from(tid).ok()).unwrap_or(0),
                tgid: tgid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0),
                state,
                exit_state: exit_state.unwrap_or(0),
                on_cpu: on_cpu.is_some_and(|on_cpu| on_cpu != 0),
                is_queued: on_rq.is_some_and(|on_rq| on_rq != 0) && delayed[at] == Some(0),
                flags: flags.unwrap_or(0),
                switches: nvcsw.wrapping_add(nivcsw),
                stack: stack.unwrap_or(0),
                sp: sp.unwrap_or(0),
                files: files.unwrap_or(0),
            });
        }
        let by_address = all.iter().enumerate().map(|(at, one)| (one.addr, at));
        let by_address = by_address.collect();
        let stacks = all.iter().enumerate().map(|(at, one)| (one.stack, at));
        let mut stacks: Vec<_> = stacks.filter(|(stack, _)| *stack != 0).collect();
        stacks.sort_unstable();
        Ok(Self {
            all,
            truncated,
            by_address,
            stacks,
            stack_bytes,
        })
    }

    /// The index of the thread whose `task_struct` is at an address.
    pub(super) fn at(&self, task: u64) -> Option<usize> {
        self.by_address.get(&task).copied()
    }

    /// The index of the thread whose stack contains an address.
    pub(super) fn by_stack(&self, address: u64) -> Option<usize> {
        let after = self.stacks.partition_point(|(begin, _)| *begin <= address);
        let (begin, at) = *self.stacks.get(after.checked_sub(1)?)?;
        (address - begin < self.stack_bytes).then_some(at)
    }

    /// Returns whether a thread has run since it was read, or still runs.
    pub(super) fn has_moved(&self, reader: &Reader<'_>, at: usize) -> bool {
        let thread = &self.all[at];
        let now = |field| reader.word(thread.addr, field).ok();
        let switches = now(Field::TaskNvcsw).zip(now(Field::TaskNivcsw));
        let switches = switches.map(|(nvcsw, nivcsw)| nvcsw.wrapping_add(nivcsw));
        let state = now(Field::TaskState).or_else(|| now(Field::TaskStateLong));
        switches != Some(thread.switches) || state != Some(thread.state)
    }
}

/// Addresses of threads, each with that of the leader of its process.
fn addresses(reader: &Reader<'_>, leaders: &[u64]) -> Result<Vec<(u64, u64)>, Unreadable> {
    let head = reader.offset(Field::SignalThreadHead)?;
    let node = reader.offset(Field::TaskThreadNode)?;
    let signals = reader.column(leaders, Field::TaskSignal)?;
    let signals: Vec<_> = signals.into_iter().map(Option::unwrap_or_default).collect();
    // Most processes have one thread: then the leader's node is both ends of the list.
    let first = reader.column(&signals, Field::SignalThreadHead)?;
    let next = reader.column(leaders, Field::TaskThreadNode)?;
    let mut threads = Vec::with_capacity(leaders.len());
    for (at, leader) in leaders.iter().enumerate() {
        let (leader, signal) = (*leader, signals[at]);
        let is_alone = first[at] == Some(leader + node) && next[at] == Some(signal + head);
        if is_alone || !is_kernel_address(signal) {
            threads.push((leader, leader));
            continue;
        }
        match reader.list(signal + head, Field::TaskThreadNode, MAX_THREADS) {
            Ok((some, _)) => threads.extend(some.into_iter().map(|task| (task, leader))),
            // The process is exiting.
            Err(_) => threads.push((leader, leader)),
        }
    }
    Ok(threads)
}

/// A thread in the form that samples have.
pub(super) fn describe(reader: &Reader<'_>, thread: &Thread) -> Task {
    let number = |field| reader.word(thread.addr, field).ok();
    let memcg = number(Field::TaskCgroups).and_then(|css_set| tasks::memcg(reader, css_set));
    let ran_ns = number(Field::TaskLastArrival);
    // The time that it ran since it got the CPU (kernel/sched/fair.c: set_next_entity(); classes
    // that do not keep the second figure only make it later).
    let ran_for_ns = number(Field::TaskExecRuntime)
        .zip(number(Field::TaskPrevExecRuntime))
        .map(|(now, then)| now.saturating_sub(then));
    let slept_ns = ran_ns.zip(ran_for_ns).filter(|_| thread.sleeps());
    Task {
        addr: thread.addr,
        pid: thread.tgid,
        tid: thread.tid,
        comm: tasks::comm(reader, thread.addr).unwrap_or_default(),
        start_ns: number(Field::TaskStartTime),
        state: match thread.is_ready() {
            true => Some('R'),
            false => tasks::letter(thread.state, thread.exit_state),
        },
        kernel_thread: thread.is_kernel_thread(),
        switches: Some(thread.switches),
        ran_ns,
        slept_ns: slept_ns.map(|(ran_ns, for_ns)| ran_ns.saturating_add(for_ns)),
        memcg_serial_nr: memcg.and_then(|css| reader.word(css, Field::CssSerialNr).ok()),
        ..Task::default()
    }
}
