//! The steps of a chain of waits.

use std::sync::Arc;

use super::answer::{State, Step, What, When};
use super::limits;
use crate::deadlock::{self, Cause, Link, Start, words};
use crate::model::snapshot::{Deadlock, MemcgId, Snapshot};
use crate::sample::waits::{Resource, Task, TaskScan, Waits};
use crate::units;

/// Bound on the waits that are told; a chain has no loops, but may be long.
const MAX_LINKS: usize = 64;
/// The greatest age of an answer that is told as true of a snapshot's moment.
pub(super) const NOW_NS: u64 = 2_000_000_000;

/// The steps of a chain, from `depth` on, and its end in one line.
pub(super) fn steps(snapshot: &Snapshot, start: Start, depth: u32) -> (Vec<Step>, Option<String>) {
    let judged = snapshot.judged.as_deref();
    let waits = judged.map(|judged| &*judged.answer);
    let Some((waits, look)) = waits.and_then(|waits| Some((waits, waits.looks.first()?))) else {
        let text = "who waits for whom was not looked at";
        return (vec![Step::unknown(depth, text)], None);
    };
    let Some(chain) = deadlock::chain(waits, start) else {
        let text = "what it waits for was not found";
        return (vec![Step::unknown(depth, text)], None);
    };
    let teller = Teller {
        snapshot,
        waits,
        look,
    };
    let mut steps = Vec::new();
    let mut depth = depth;
    for link in chain.links.iter().take(MAX_LINKS) {
        let told = teller.link(link, depth);
        depth += u32::from(!told.is_empty());
        steps.extend(told);
    }
    let left_out = chain.links.len().saturating_sub(MAX_LINKS);
    if left_out > 0 {
        steps.push(Step::unknown(
            depth,
            format!("{left_out} more waits are not told"),
        ));
    }
    let root = chain.root.and_then(|root| look.tasks.get(root as usize));
    let (mut why, mut what) = (chain.why, What::Root);
    let tasks = chain.links.iter().filter_map(|link| link.waiter);
    if let Some(deadlock) = teller.deadlock(tasks.chain(chain.root)) {
        what = What::Deadlock;
        why = format!(
            "deadlock {:016x}: {}",
            deadlock.found.cycle_id, deadlock.found.sentence
        );
    } else if chain.cause == Cause::Deadlock {
        what = What::Deadlock;
    }
    let state = match chain.cause {
        Cause::Unknown => State::NotKnown,
        _ => State::Now,
    };
    let mut end = Step::new(what, state, why.clone()).deep(depth);
    if let Some(task) = root {
        end = teller.of_task(end, task);
        steps.extend(limits::steps(snapshot, task, &end.stack, depth));
    }
    steps.push(end);
    (steps, Some(why))
}

/// Returns whether steps tell of waits in progress.
pub(super) fn is_told(steps: &[Step]) -> bool {
    let of_waits = |what| matches!(what, What::Rmdir | What::Work | What::Wait | What::Root);
    steps
        .iter()
        .any(|step| step.state != State::Done && of_waits(step.what))
}

/// Says of what time the waits are, if that is not now, as at the end of a recording.
pub(super) fn age(snapshot: &Snapshot) -> Option<Step> {
    let as_of_ns = snapshot.judged.as_ref()?.as_of_ns;
    let age_ns = snapshot.mono_ns.checked_sub(as_of_ns)?;
    let text = format!(
        "who waits for whom is as of {} ago, and not known since",
        units::duration(Some(age_ns))
    );
    (age_ns > NOW_NS).then(|| Step::unknown(0, text))
}

struct Teller<'a> {
    snapshot: &'a Snapshot,
    waits: &'a Waits,
    look: &'a TaskScan,
}

impl Teller<'_> {
    /// The wait of a task; nothing for the resource that a chain starts at.
    fn link(&self, link: &Link, depth: u32) -> Vec<Step> {
        let task = link.waiter.and_then(|at| self.look.tasks.get(at as usize));
        let wait = link.wait.and_then(|at| self.look.waits.get(at as usize));
        let resource = self.look.resources.get(link.resource as usize);
        let (Some(task), Some(wait), Some(resource)) = (task, wait, resource) else {
            return Vec::new();
        };
        let what = words::wait(resource, wait.mode, wait.retry.is_some());
        let mut text = format!("{} {what}", words::task(task));
        if let Some(holder) = &link.holder
            && let Some(task) = self.look.tasks.get(holder.task as usize)
        {
            let mut name = words::task(task);
            if link.others > 0 {
                name += &format!(" and {} more", link.others);
            }
            text += &words::hold(resource.kind, wait.mode, holder.mode, &name);
        }
        let mut step = Step::new(What::Wait, State::Now, text)
            .deep(depth)
            .when(When::lasting(link.waited_ns));
        step.resource = Some(bare(resource));
        step.evidence = link.evidence;
        let step = self.of_task(step, task);
        let mut steps = limits::steps(self.snapshot, task, &step.stack, depth);
        steps.insert(0, step);
        steps
    }

    fn of_task(&self, mut step: Step, task: &Task) -> Step {
        let stack = task
            .stack
            .and_then(|stack| self.waits.stacks.get(stack as usize));
        step.stack = stack.cloned().unwrap_or_default();
        step.memcg = memcg(self.snapshot, task);
        step.task = Some(task.clone());
        step
    }

    /// The deadlock that one of these tasks is in.
    fn deadlock(&self, mut tasks: impl Iterator<Item = u32>) -> Option<&Deadlock> {
        let standing = || {
            let all = self.snapshot.deadlocks.items.iter();
            all.filter(|one| one.resolved_ns.is_none())
        };
        tasks.find_map(|at| {
            let addr = self.look.tasks.get(at as usize)?.addr;
            standing().find(|one| one.found.members.iter().any(|task| task.addr == addr))
        })
    }
}

/// The memory cgroup that a task is in.
pub(super) fn memcg(snapshot: &Snapshot, task: &Task) -> Option<Arc<MemcgId>> {
    let line = limits::ancestors(snapshot, task.memcg_serial_nr);
    line.first().map(|memcg| Arc::clone(&memcg.id))
}

fn bare(resource: &Resource) -> Resource {
    Resource {
        holders: Vec::new(),
        ..resource.clone()
    }
}
