//! Bugs that are seen in who waits for whom.

use crate::deadlock::{self, Edge, State, words};
use crate::model::snapshot::{Snapshot, Wait};
use crate::sample::ResourceKind;
use crate::sample::waits::Task;

/// Deadlocks that stand, proven or suspected.
fn deadlocks(snapshot: &Snapshot) -> impl Iterator<Item = &deadlock::Deadlock> {
    let all = snapshot.deadlocks.items.iter();
    let standing = all.filter(|one| one.resolved_ns.is_none());
    let found = standing.map(|one| &*one.found);
    found.filter(|one| one.state != State::Resolved)
}

fn task(deadlock: &deadlock::Deadlock, at: usize) -> String {
    deadlock
        .members
        .get(at)
        .map_or_else(|| "a task".to_owned(), words::task)
}

/// "a deadlock" or "a suspected deadlock", with its id.
fn named(deadlock: &deadlock::Deadlock) -> String {
    let suspected = match deadlock.state {
        State::Suspected => "suspected ",
        State::Confirmed | State::Resolved => "",
    };
    format!("{suspected}deadlock {:016x}", deadlock.cycle_id)
}

/// A core dump has a page that memory offlining wants to move, and waits for its reader; somebody
/// in the same deadlock waits for `mem_hotplug_lock`.
pub(super) fn coredump_hot_remove(snapshot: &Snapshot) -> Option<String> {
    deadlocks(snapshot).find_map(|deadlock| {
        let edges = || deadlock.edges.iter();
        let moves = |edge: &&Edge| edge.resource.kind == ResourceKind::PageRef && edge.is_retry;
        let (page, _pipe) = edges().filter(moves).find_map(|page| {
            let dumps =
                |edge: &&Edge| edge.resource.kind == ResourceKind::Pipe && edge.from == page.to;
            Some((page, edges().find(dumps)?))
        })?;
        let hotplug = edges().find(|edge| {
            edge.to == page.from && edge.resource.name.as_deref() == Some("mem_hotplug_lock")
        })?;
        Some(format!(
            "in {}, {} offlines memory and cannot move {}, which {} keeps while it waits for the \
             reader of a pipe, and {} waits for mem_hotplug_lock",
            named(deadlock),
            task(deadlock, page.from),
            words::resource(&page.resource),
            task(deadlock, page.to),
            task(deadlock, hotplug.from),
        ))
    })
}

/// Who removes a cgroup waits for its dying tasks, one of which ends only when the waiter reaps.
pub(super) fn rmdir_reap(snapshot: &Snapshot) -> Option<String> {
    deadlocks(snapshot).find_map(|deadlock| {
        let edges = || deadlock.edges.iter();
        let is = |kind: ResourceKind| move |edge: &&Edge| edge.resource.kind == kind;
        let process = |at: usize| deadlock.members.get(at).map(|task| task.pid);
        edges()
            .filter(is(ResourceKind::CgroupDrain))
            .find_map(|drain| {
                let reap = edges().filter(is(ResourceKind::Reap)).find(|reap| {
                    process(reap.to).is_some() && process(reap.to) == process(drain.from)
                })?;
                Some(format!(
                    "in {}, {} waits for the dying tasks of {}, and {} waits to be reaped by it",
                    named(deadlock),
                    task(deadlock, drain.from),
                    words::resource(&drain.resource),
                    task(deadlock, reap.from),
                ))
            })
    })
}

/// The name of a function without the offset in it.
fn function(symbol: &str) -> &str {
    symbol.split_once('+').map_or(symbol, |(name, _)| name)
}

fn is_in(wait: &Wait, functions: &[&str]) -> bool {
    let mut stack = wait.stack().iter().map(|symbol| function(symbol));
    stack.any(|name| functions.contains(&name))
}

/// Waits of tasks that change controllers, for what goes offline.
fn drains(snapshot: &Snapshot) -> impl Iterator<Item = (&Wait, &Task)> {
    let waits = snapshot.waits.items.iter();
    waits.filter_map(|wait| {
        let function = wait.fact()?.function.as_deref()?;
        (function == "cgroup_lock_and_drain_offline").then_some((wait, wait.task()?))
    })
}

/// A worker that frees a hierarchy waits for offline work that only it can run.
pub(super) fn destroy_wq_full(snapshot: &Snapshot) -> Option<String> {
    drains(snapshot).find_map(|(wait, task)| {
        let frees = is_in(wait, &["cgroup_destroy_root", "css_free_rwork_fn"]);
        let is_itself = wait.holders().any(|(_, holder)| holder.addr == task.addr);
        (task.kernel_thread && frees && is_itself).then(|| {
            format!(
                "{} frees a hierarchy and waits for {}, which is queued behind it",
                words::task(task),
                wait.resource().map_or_else(String::new, words::resource),
            )
        })
    })
}

/// A task that changes controllers waits for offline work behind a worker that waits itself.
pub(super) fn drain_offline(snapshot: &Snapshot) -> Option<String> {
    drains(snapshot)
        .filter(|(_, task)| !task.kernel_thread)
        .find_map(|(wait, task)| {
            let (_, worker) = wait.holders().find(|(_, holder)| holder.kernel_thread)?;
            let behind = snapshot
                .waits
                .items
                .iter()
                .find(|one| one.task().is_some_and(|task| task.addr == worker.addr))?;
            Some(format!(
                "{} changes controllers and waits for {}, behind {}, which waits for {}",
                words::task(task),
                wait.resource().map_or_else(String::new, words::resource),
                words::task(worker),
                behind.resource().map_or_else(String::new, words::resource),
            ))
        })
}

/// Who drains the LRU batches of all CPUs waits for a worker that does not get its CPU.
pub(super) fn lru_add_drain(snapshot: &Snapshot) -> Option<String> {
    const FUNCTIONS: [&str; 2] = ["__lru_add_drain_all", "lru_add_drain_all"];
    let waits = snapshot.waits.items.iter();
    let mut drains = waits.filter(|wait| {
        let kind = wait.resource().map(|resource| resource.kind);
        kind == Some(ResourceKind::Work) && is_in(wait, &FUNCTIONS)
    });
    drains.find_map(|wait| {
        let starved = |(_, holder): &(_, &Task)| {
            let run = holder.run.as_ref();
            holder.kernel_thread && run.is_some_and(|run| !run.on_cpu && run.behind.is_some())
        };
        let (_, worker) = wait.holders().find(starved)?;
        let run = worker.run.as_ref()?;
        let look = wait.answer.looks.first()?;
        let hog = look.tasks.get(run.behind? as usize)?;
        // Behind a task of equal rights, the worker has its turn soon.
        hog.real_time?;
        Some(format!(
            "{} drains the LRU batches of all CPUs and waits for {}, which is ready to run, but CPU \
             {} has {}",
            words::task(wait.task()?),
            words::task(worker),
            run.cpu,
            words::task(hog),
        ))
    })
}
