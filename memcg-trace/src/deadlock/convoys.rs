//! Causes of long waits: the root that each leads to.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::cycles::NONE;
use super::graph::Needs;
use super::stable::{OWNER_FLAGS, Same, Stability};
use super::verdict::{Cause, Convoy, Deadlock, State, bare};
use super::{Rules, ready, table, words};
use crate::sample::waits::{Holder, Resource, Task, TaskScan, Wait, Waits};
use crate::sample::{ResourceKind, sanitized};

/// Convoys that are listed; the others are counted.
const MAX_LISTED: usize = 1000;

/// The root that a wait leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Root {
    /// A deadlock, by its index.
    Deadlock(u32),
    /// The task that holds a resource.
    Holder { resource: u32, task: u32 },
    /// A resource without a known holder.
    Nobody { resource: u32 },
}

/// The root of a resource, as far as the search has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    No,
    /// The search is at this resource.
    OnPath,
    Root(Root),
}

/// The waits that have one root.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    waiters: u64,
    max_wait_ns: Option<u64>,
    is_old: bool,
}

/// The search for roots.
pub(super) struct Search<'a> {
    pub(super) waits: &'a Waits,
    pub(super) look: &'a TaskScan,
    pub(super) stability: &'a Stability,
    pub(super) deadlocks: &'a [Deadlock],
    /// Index of the deadlock by task, or [`NONE`].
    pub(super) deadlock_of: &'a [u32],
}

impl<'a> Search<'a> {
    /// The convoys, the longest waits first, and the number of those that are not listed.
    pub(super) fn convoys(&self, rules: &Rules) -> (Vec<Convoy>, u64) {
        let next = self.next();
        let mut roots = vec![Found::No; self.look.resources.len()];
        let mut sums: HashMap<Root, Sum> = HashMap::new();
        for (at, wait) in self.look.waits.iter().enumerate() {
            let resource = self.look.resources.get(wait.resource as usize);
            if !resource.is_some_and(|one| table::is_of_the_kernel(one.kind))
                || !self.still_waits(at)
            {
                continue;
            }
            let Some(root) = self.root(wait, &next, &mut roots) else {
                continue;
            };
            let sum = sums.entry(root).or_default();
            sum.waiters += 1;
            sum.max_wait_ns = sum.max_wait_ns.max(rules.age_ns(self.waits, wait));
            sum.is_old |= rules.is_old(self.waits, wait);
        }
        let mut sums: Vec<(Root, Sum)> = sums.into_iter().filter(|(_, sum)| sum.is_old).collect();
        sums.sort_by_key(|(root, sum)| (Reverse((sum.max_wait_ns, sum.waiters)), *root));
        let omitted = sums.len().saturating_sub(MAX_LISTED) as u64;
        let listed = sums.into_iter().take(MAX_LISTED);
        let convoys = listed.filter_map(|(root, sum)| self.convoy(root, sum, &next));
        (convoys.collect(), omitted)
    }

    /// By task, the wait that it is in, if it still is.
    pub(super) fn next(&self) -> Vec<Option<&'a Wait>> {
        let mut next = vec![None; self.look.tasks.len()];
        for (at, wait) in self.look.waits.iter().enumerate() {
            if let Some(next) = next.get_mut(wait.task as usize)
                && next.is_none()
                && self.still_waits(at)
            {
                *next = Some(wait);
            }
        }
        next
    }

    /// Returns whether a wait was still there in the second look, or may have been.
    fn still_waits(&self, at: usize) -> bool {
        self.stability.waits.get(at) != Some(&Same::No)
    }

    /// Follows holders until there is none, or one that does not wait.
    fn root(&self, wait: &Wait, next: &[Option<&Wait>], roots: &mut [Found]) -> Option<Root> {
        let own = self.deadlock_of.get(wait.task as usize).copied();
        if let Some(deadlock) = own.filter(|deadlock| *deadlock != NONE) {
            return Some(Root::Deadlock(deadlock));
        }
        let mut path = Vec::new();
        let mut resource = wait.resource;
        let root = loop {
            let found = roots.get_mut(resource as usize)?;
            if let Found::Root(root) = *found {
                break root;
            }
            *found = Found::OnPath;
            path.push(resource);
            let Some(holder) = self.holder(resource, next) else {
                break Root::Nobody { resource };
            };
            let task = holder.task;
            let deadlock = self.deadlock_of.get(task as usize).copied().unwrap_or(NONE);
            if deadlock != NONE {
                break Root::Deadlock(deadlock);
            }
            let onwards = next.get(task as usize).copied().flatten();
            match onwards.filter(|wait| !self.ends_at(wait)) {
                Some(wait) if roots.get(wait.resource as usize) != Some(&Found::OnPath) => {
                    resource = wait.resource;
                }
                _ => break Root::Holder { resource, task },
            }
        };
        for resource in path {
            roots[resource as usize] = Found::Root(root);
        }
        Some(root)
    }

    /// The holder to blame: one in a deadlock, else one that waits, else any. Where any holder
    /// would do, one that is not blocked by another task.
    pub(super) fn holder(&self, resource: u32, next: &[Option<&Wait>]) -> Option<&'a Holder> {
        let Resource { kind, holders, .. } = self.look.resources.get(resource as usize)?;
        let is_any = table::needs(*kind) == Needs::Any;
        let there = holders
            .iter()
            .filter(|one| (one.task as usize) < next.len());
        let rank = |holder: &&Holder| {
            let at = holder.task as usize;
            let is_free = next[at].is_none_or(|wait| self.ends_at(wait));
            let is_well = self.deadlock_of[at] == NONE;
            (is_any != is_free, is_well, next[at].is_none())
        };
        there.min_by_key(rank)
    }

    /// Returns whether the wait is for no lock, and no task is known that could end it.
    pub(super) fn ends_at(&self, wait: &Wait) -> bool {
        let resource = self.look.resources.get(wait.resource as usize);
        resource.is_none_or(|one| one.holders.is_empty() && !table::is_lock(one.kind))
    }

    fn convoy(&self, root: Root, sum: Sum, next: &[Option<&Wait>]) -> Option<Convoy> {
        let (task, resource, (cause, why)) = match root {
            Root::Deadlock(at) => return self.behind(self.deadlocks.get(at as usize)?, sum),
            Root::Nobody { resource } => {
                let resource = self.look.resources.get(resource as usize)?;
                // No holder to follow, and no lock that a task should hold: no convoy.
                if !table::is_lock(resource.kind) {
                    return None;
                }
                (None, resource, nobody(resource))
            }
            Root::Holder { resource, task } => {
                let at = task as usize;
                let why = self.holder_why(at, next[at]);
                let resource = self.look.resources.get(resource as usize)?;
                (self.look.tasks.get(at), resource, why)
            }
        };
        let stack = task.and_then(|task| self.waits.stacks.get(task.stack? as usize));
        Some(Convoy {
            root: task.cloned(),
            resource: bare(resource),
            cause,
            why,
            waiters: sum.waiters,
            max_wait_ns: sum.max_wait_ns,
            stack: stack.cloned().unwrap_or_default(),
        })
    }

    /// The convoy of the tasks in a deadlock and behind it.
    fn behind(&self, deadlock: &Deadlock, sum: Sum) -> Option<Convoy> {
        let last = deadlock.edges.get(deadlock.cycle_edges.checked_sub(1)?)?;
        let how = match deadlock.state {
            State::Suspected => "a suspected deadlock",
            State::Confirmed | State::Resolved => "a deadlock",
        };
        let tasks = (deadlock.members.len() + deadlock.victims.len()) as u64;
        let tasks = tasks.saturating_add(deadlock.victims_omitted);
        Some(Convoy {
            root: deadlock.members.first().cloned(),
            resource: last.resource.clone(),
            cause: Cause::Deadlock,
            why: format!("{how} of {} tasks", deadlock.members.len()),
            // All tasks but the root.
            waiters: tasks.saturating_sub(1),
            max_wait_ns: sum.max_wait_ns,
            stack: Vec::new(),
        })
    }

    /// The reason why a holder does not act.
    pub(super) fn holder_why(&self, at: usize, wait: Option<&Wait>) -> (Cause, String) {
        let Some(task) = self.look.tasks.get(at) else {
            return (
                Cause::Unknown,
                "its holder could not be looked at".to_owned(),
            );
        };
        match task.state {
            Some('X' | 'Z') => return (Cause::Orphaned, "its holder has exited".to_owned()),
            Some('T' | 't') => return (Cause::StuckHolder, "its holder is stopped".to_owned()),
            _ => {}
        }
        let resource = wait.and_then(|wait| self.look.resources.get(wait.resource as usize));
        if let Some((wait, resource)) = wait.zip(resource) {
            return waiting(wait, resource);
        }
        if let Some(run) = task.run.as_ref().filter(|_| task.state == Some('R')) {
            return ready::why(self.look, self.stability, at, run);
        }
        let same = self.stability.tasks.get(at).copied();
        let sleeps = || match self.innermost(task) {
            Some(function) => format!("its holder sleeps in {function}"),
            None => "its holder sleeps".to_owned(),
        };
        match (task.state, same) {
            (Some('R'), Some(Same::Yes)) => {
                let why = "its holder spins: it did not leave its CPU between the looks";
                (Cause::StuckHolder, why.to_owned())
            }
            (Some('R'), _) => (Cause::Slow, "its holder runs".to_owned()),
            (_, Some(Same::No)) => (Cause::Slow, "its holder ran between the looks".to_owned()),
            (Some('D'), _) => (Cause::StuckHolder, sleeps()),
            _ => (Cause::Unknown, sleeps()),
        }
    }

    /// The innermost function of a task's stack.
    fn innermost(&self, task: &Task) -> Option<String> {
        let stack = self.waits.stacks.get(task.stack? as usize)?;
        let symbol = stack.first()?;
        let function = symbol.split('+').next().unwrap_or(symbol);
        Some(format!("{}()", sanitized(function)))
    }
}

/// The reason why a lock without holders is not given to its waiters.
pub(super) fn nobody(resource: &Resource) -> (Cause, String) {
    if let Some(kept_by) = &resource.kept_by {
        return (Cause::StuckHolder, sanitized(kept_by).into_owned());
    }
    if let Some(incomplete) = &resource.incomplete {
        return (Cause::Unknown, sanitized(incomplete).into_owned());
    }
    let cause = match resource.owner_word {
        Some(_) => Cause::Orphaned,
        None => Cause::Unknown,
    };
    (cause, orphan(resource))
}

/// The meaning of the owner word of a lock without a holder.
pub(super) fn orphan(resource: &Resource) -> String {
    match resource.owner_word {
        Some(word) if word & !OWNER_FLAGS == 0 => {
            format!("its owner word is {word:#x}: others wait, and it has no owner")
        }
        Some(word) => {
            let task = word & !OWNER_FLAGS;
            format!("its owner word is {word:#x}, and {task:#x} is no task any more")
        }
        None => "who holds it is not known".to_owned(),
    }
}

/// The reason why a holder makes no progress that waits itself, for a resource without a known
/// holder.
pub(super) fn waiting(wait: &Wait, resource: &Resource) -> (Cause, String) {
    let name = words::resource(resource);
    let within = match &wait.function {
        Some(function) => format!(" in {}()", sanitized(function)),
        None => String::new(),
    };
    match resource.kind {
        ResourceKind::Freezer => (Cause::StuckHolder, "its holder is frozen".to_owned()),
        ResourceKind::Throttle => (Cause::Slow, format!("its holder is throttled by {name}")),
        ResourceKind::Io => {
            let why = format!("its holder waits for {name}{within}");
            (Cause::StuckHolder, why)
        }
        _ if wait.times_out => (
            Cause::Slow,
            format!("its holder waits for {name}, with a timeout"),
        ),
        ResourceKind::Rcu => (
            Cause::Slow,
            "its holder waits for a grace period of RCU".to_owned(),
        ),
        _ => (
            Cause::Unknown,
            format!("its holder waits for {name}{within}, and who ends that is not known"),
        ),
    }
}
