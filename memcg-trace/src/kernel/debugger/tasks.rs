//! Tasks: the processes and threads of the host, with their files and namespaces.

use crate::kernel::host::symbols::Symbol;
use std::collections::HashSet;

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::layout::fields::Field;
use crate::sample::pins::{User, UserKind};
use crate::sample::{Task, Text};

/// Most processes: `PID_MAX_LIMIT` (include/linux/threads.h).
const MAX_TASKS: usize = 1 << 22;
/// The states of `task.exit_state` (include/linux/sched.h).
const EXIT_DEAD: u64 = 0x10;
const EXIT_ZOMBIE: u64 = 0x20;

/// A process, by the task that leads it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    pub(crate) task: u64,
    pub(crate) net_ns: u64,
    pub(crate) cgroup_ns: u64,
    pub(crate) css_set: u64,
}

/// All processes.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    pub(crate) processes: Vec<Process>,
}

/// Reads the list of processes. The list may change between two reads of parts of it: then it is
/// read again.
pub(crate) fn all(reader: &Reader<'_>) -> Result<Tasks, Unreadable> {
    let first = reader.symbol(Symbol::InitTask)?;
    let head = first + reader.offset(Field::TaskTasks)?;
    let mut outcome = Err(Unreadable::Changed("the list of processes"));
    for _ in 0..3 {
        outcome = reader.list(head, Field::TaskTasks, MAX_TASKS);
        if outcome.is_ok() {
            break;
        }
    }
    let tasks = outcome?.0;
    let css_sets = reader.column(&tasks, Field::TaskCgroups)?;
    let proxies = reader.column(&tasks, Field::TaskNsproxy)?;
    let proxies: Vec<_> = proxies.into_iter().map(Option::unwrap_or_default).collect();
    let net = reader.column(&proxies, Field::NsproxyNet)?;
    let cgroup = reader.column(&proxies, Field::NsproxyCgroup)?;
    let processes = tasks
        .into_iter()
        .zip(css_sets)
        .zip(net.into_iter().zip(cgroup))
        .map(|((task, css_set), (net_ns, cgroup_ns))| Process {
            task,
            net_ns: net_ns.unwrap_or(0),
            cgroup_ns: cgroup_ns.unwrap_or(0),
            css_set: css_set.unwrap_or(0),
        });
    Ok(Tasks {
        processes: processes.collect(),
    })
}

/// A thread that may have files or namespaces of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thread {
    pub(crate) task: u64,
    pub(crate) files: u64,
    pub(crate) fs: u64,
    pub(crate) mm: u64,
}

/// All threads, the leaders of processes before the others.
pub(crate) fn threads(reader: &Reader<'_>, tasks: &Tasks) -> Result<Vec<Thread>, Unreadable> {
    let mut all: Vec<_> = tasks.processes.iter().map(|process| process.task).collect();
    let signals = reader.column(&all, Field::TaskSignal)?;
    let signals: Vec<_> = signals.into_iter().map(Option::unwrap_or_default).collect();
    let counts = reader.column(&signals, Field::SignalNrThreads)?;
    let thread_head = reader.offset(Field::SignalThreadHead)?;
    for (signal, count) in signals.into_iter().zip(counts) {
        // Most processes have one thread, which leads them.
        if count.is_none_or(|count| count <= 1) {
            continue;
        }
        if let Ok((threads, _)) =
            reader.list(signal + thread_head, Field::TaskThreadNode, MAX_TASKS)
        {
            all.extend(threads);
        }
    }
    let mut seen = HashSet::new();
    all.retain(|task| seen.insert(*task));
    let files = reader.column(&all, Field::TaskFiles)?;
    let fs = reader.column(&all, Field::TaskFs)?;
    let mms = reader.column(&all, Field::TaskMm)?;
    let threads = all.into_iter().zip(files).zip(fs.into_iter().zip(mms));
    Ok(threads
        .map(|((task, files), (fs, mm))| Thread {
            task,
            files: files.unwrap_or(0),
            fs: fs.unwrap_or(0),
            mm: mm.unwrap_or(0),
        })
        .collect())
}

/// Threads with a css_set, the leaders of processes included.
pub(crate) fn threads_in(
    reader: &Reader<'_>,
    tasks: &Tasks,
    css_set: u64,
) -> Result<Vec<u64>, Unreadable> {
    let mut found = Vec::new();
    for process in &tasks.processes {
        let Ok(signal) = reader.word(process.task, Field::TaskSignal) else {
            continue;
        };
        let head = signal + reader.offset(Field::SignalThreadHead)?;
        let Ok((threads, _)) = reader.list(head, Field::TaskThreadNode, MAX_TASKS) else {
            continue;
        };
        let css_sets = reader.column(&threads, Field::TaskCgroups)?;
        let of_it = threads.into_iter().zip(css_sets);
        found.extend(
            of_it
                .filter(|(_, of)| *of == Some(css_set))
                .map(|(task, _)| task),
        );
    }
    Ok(found)
}

/// A task in the form of a user of something; `None` if it cannot be read any more.
pub(crate) fn user(reader: &Reader<'_>, task: u64, kind: UserKind) -> Option<User> {
    let number = |field| reader.word(task, field).ok();
    let pid = u32::try_from(number(Field::TaskTgid)?).ok()?;
    let tid = u32::try_from(number(Field::TaskPid)?).ok()?;
    let css_set = number(Field::TaskCgroups)?;
    let exit_state = number(Field::TaskExitState)?;
    Some(User {
        kind,
        pid,
        tid: (tid != pid).then_some(tid),
        comm: comm(reader, task)?,
        start_ns: number(Field::TaskStartTime),
        state: state(reader, task, exit_state),
        fd: None,
        memcg_serial_nr: memcg(reader, css_set)
            .and_then(|css| reader.word(css, Field::CssSerialNr).ok()),
        parent: if exit_state & EXIT_ZOMBIE != 0 {
            parent(reader, task)
        } else {
            None
        },
        refs: None,
        name: None,
        ns_ino: None,
        held_by: Vec::new(),
    })
}

/// The task that was at an address at `then_ns`; `None` if it is gone.
pub(crate) fn at(reader: &Reader<'_>, task: u64, then_ns: u64) -> Option<Task> {
    let number = |field| reader.word(task, field).ok();
    let start_ns = number(Field::TaskStartTime).filter(|start_ns| *start_ns <= then_ns)?;
    let css = number(Field::TaskCgroups).and_then(|css_set| memcg(reader, css_set));
    Some(Task {
        pid: u32::try_from(number(Field::TaskTgid)?).ok(),
        tid: u32::try_from(number(Field::TaskPid)?).ok()?,
        comm: comm(reader, task)?,
        start_ns: Some(start_ns),
        memcg_serial_nr: css.and_then(|css| reader.word(css, Field::CssSerialNr).ok()),
    })
}

/// The memcg of a css_set.
pub(crate) fn memcg(reader: &Reader<'_>, css_set: u64) -> Option<u64> {
    let subsys = reader.offset(Field::CssSetSubsys).ok()?;
    reader
        .word_at(css_set + subsys + reader.resolved.memory_cgrp_id * 8)
        .ok()
}

/// Name of a task.
pub(crate) fn comm(reader: &Reader<'_>, task: u64) -> Option<Text> {
    let comm = reader.bytes(task, Field::TaskComm).ok()?;
    Some(Text::from_c(&comm))
}

fn parent(reader: &Reader<'_>, task: u64) -> Option<(u32, Text)> {
    // The thread that forked; its process is the one that reaps.
    let thread = reader.word(task, Field::TaskRealParent).ok()?;
    let parent = reader.word(thread, Field::TaskGroupLeader).ok()?;
    let pid = reader.word(parent, Field::TaskTgid).ok()?;
    Some((u32::try_from(pid).ok()?, comm(reader, parent)?))
}

fn state(reader: &Reader<'_>, task: u64, exit_state: u64) -> Option<char> {
    let state = reader
        .word(task, Field::TaskState)
        .or_else(|_| reader.word(task, Field::TaskStateLong))
        .ok()?;
    letter(state, exit_state)
}

/// The letter of a state in `ps` (fs/proc/array.c: get_task_state()).
pub(crate) fn letter(state: u64, exit_state: u64) -> Option<char> {
    /// The state without load: an idle thread of the kernel.
    const NOLOAD: u64 = 0x400;
    if exit_state & EXIT_ZOMBIE != 0 {
        return Some('Z');
    }
    if exit_state & EXIT_DEAD != 0 {
        return Some('X');
    }
    Some(match state & 0xff {
        0 => 'R',
        bits if bits & 1 != 0 => 'S',
        bits if bits & 2 != 0 && state & NOLOAD != 0 => 'I',
        bits if bits & 2 != 0 => 'D',
        bits if bits & 4 != 0 => 'T',
        bits if bits & 8 != 0 => 't',
        _ => return None,
    })
}
