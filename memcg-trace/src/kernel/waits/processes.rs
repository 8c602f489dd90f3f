//! Waits inside a process, and for a child that borrows its memory: for vfork(2), for the other
//! threads at an execve(2) or a core dump, and of those threads until the core is dumped.

use super::finding::{Finding, holder};
use super::stacks::Stack;
use super::view::View;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::layout::fields::Field;
use crate::sample::waits::{Evidence, Resource};
use crate::sample::{Mode, ResourceKind};

/// Functions in which a parent waits for the child of its vfork(2).
const FORKS: &[&str] = &[
    "wait_for_vfork_done",
    "kernel_clone",
    "_do_fork",
    "__do_sys_vfork",
];
/// Functions that a thread is in while it dumps core.
const DUMPS: &[&str] = &["vfs_coredump", "do_coredump"];
/// The function in which the dumping thread waits for the others to stop.
const GATHERS: &[&str] = &["coredump_wait"];
/// Functions in which the other threads wait for the dumping one.
const STOPPED: &[&str] = &["coredump_task_exit", "exit_mm", "do_exit"];

/// A completion whose completer is known; `None` if it is none of those.
pub(super) fn completion(
    view: &View<'_>,
    at: usize,
    stack: &Stack<'_>,
) -> Result<Option<Finding>, Unreadable> {
    if stack.has(FORKS) {
        return vfork(view, at);
    }
    if stack.has(GATHERS)
        || stack.has(DUMPS) && stack.sleeps_in().is_some_and(|one| DUMPS.contains(&one))
    {
        return gather(view, at).map(Some);
    }
    Ok(None)
}

/// A parent's wait in vfork(2): a field of the child points to the completion on the parent's
/// stack.
fn vfork(view: &View<'_>, at: usize) -> Result<Option<Finding>, Unreadable> {
    let tasks: Vec<_> = view.threads.all.iter().map(|thread| thread.addr).collect();
    let told = view.reader.column(&tasks, Field::TaskVforkDone)?;
    let is_child =
        |told: &Option<u64>| told.is_some_and(|told| view.threads.by_stack(told) == Some(at));
    let Some(child) = told.iter().position(is_child) else {
        return Ok(None);
    };
    let resource = Resource {
        kind: ResourceKind::Completion,
        name: Some("the exec or exit of its vfork child".to_owned()),
        addr: told[child].unwrap_or(0),
        holders: vec![holder(child, Mode::Write, Evidence::OwnerWord)],
        ..Resource::default()
    };
    Ok(Some(Finding::new(
        at,
        resource,
        Mode::Write,
        Evidence::OwnerWord,
    )))
}

/// The wait of a dumping thread until all tasks that share its memory have stopped.
fn gather(view: &View<'_>, at: usize) -> Result<Finding, Unreadable> {
    let tasks: Vec<_> = view.threads.all.iter().map(|thread| thread.addr).collect();
    let memories = view.reader.column(&tasks, Field::TaskMm)?;
    let own = memories[at].filter(|mm| *mm != 0);
    let others = (0..tasks.len()).filter(|other| {
        let stack = view.functions(*other);
        let has_stopped = stack.first().is_some_and(|one| STOPPED.contains(one));
        *other != at && own.is_some() && memories[*other] == own && !has_stopped
    });
    Ok(threads(view, at, others))
}

/// A wait in execve(2), which ends all other threads of its process first (fs/exec.c: de_thread()).
pub(super) fn exec(view: &View<'_>, at: usize) -> Finding {
    let process = view.threads.all[at].tgid;
    let all = view.threads.all.iter().enumerate();
    let others = all.filter(|(other, one)| *other != at && one.tgid == process);
    threads(view, at, others.map(|(other, _)| other))
}

fn threads(view: &View<'_>, at: usize, others: impl Iterator<Item = usize>) -> Finding {
    let holders: Vec<_> = others
        .map(|other| holder(other, Mode::Write, Evidence::OwnerWord))
        .collect();
    let resource = Resource {
        kind: ResourceKind::Threads,
        addr: view.threads.all[at].leader,
        incomplete: holders
            .is_empty()
            .then(|| "no other thread was found".to_owned()),
        holders,
        ..Resource::default()
    };
    Finding::new(at, resource, Mode::Write, Evidence::Inferred)
}

/// The wait of a thread that ends while another one of its process dumps core.
pub(super) fn core_dump(view: &View<'_>, at: usize) -> Result<Option<Finding>, Unreadable> {
    let process = view.threads.all[at].tgid;
    let all = view.threads.all.iter().enumerate();
    let mut dumpers = all.filter(|(other, one)| {
        let stack = || view.functions(*other);
        *other != at && one.tgid == process && stack().iter().any(|one| DUMPS.contains(one))
    });
    let dumper = dumpers.next().map(|(other, _)| other);
    let resource = Resource {
        kind: ResourceKind::CoreDump,
        addr: view.threads.all[at].leader,
        incomplete: dumper
            .is_none()
            .then(|| "who dumps it was not found".to_owned()),
        holders: dumper
            .map(|other| holder(other, Mode::Write, Evidence::OwnerWord))
            .into_iter()
            .collect(),
        ..Resource::default()
    };
    Ok(Some(Finding::new(
        at,
        resource,
        Mode::Write,
        Evidence::Inferred,
    )))
}

/// Returns whether a kernel thread was made and not woken yet, or has not run yet.
pub(super) fn has_just_begun(stack: &Stack<'_>) -> bool {
    let first = stack.sleeps_in();
    first.is_some_and(|one| ["kthread", "ret_from_fork", "ret_from_fork_asm"].contains(&one))
}
