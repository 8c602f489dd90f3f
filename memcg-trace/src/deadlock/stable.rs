//! What is the same in two looks.
//!
//! A task that did not run between two looks waited all the while for what it waits for, and held
//! all the while what it holds. Facts that are the same in both looks were therefore all true at
//! one instant, and what follows from them is a fact too: a deadlock does not go away by itself.

use std::collections::{HashMap, HashSet};

use super::graph::Needs;
use super::table;
use crate::sample::ResourceKind;
use crate::sample::waits::{Look, Resource, Task, Wait};

/// `MUTEX_FLAG_WAITERS`, `_HANDOFF` and `_PICKUP` (kernel/locking/mutex.c), and the flags of
/// `rw_semaphore.owner` (kernel/locking/rwsem.c): the rest of an owner word is a task.
pub(super) const OWNER_FLAGS: u64 = 7;
/// `MUTEX_FLAG_PICKUP`: the task in the owner word was chosen, and has still to wake up.
const PICKUP: u64 = 4;

/// Whether a fact is the same in both looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Same {
    /// It is.
    Yes,
    /// It is not: whoever waits there goes on.
    No,
    /// That cannot be told.
    NotKnown,
}

/// What the second look says of the first.
pub(super) struct Stability {
    /// By wait of the first look.
    pub(super) waits: Vec<Same>,
    /// By resource of the first look.
    pub(super) resources: Vec<Same>,
    /// Resource and holder of the first look, where the second does not have that holder.
    pub(super) gone: HashSet<(u32, u32)>,
    /// By task of the first look: whether it stayed off, or on, its CPU all the time.
    pub(super) tasks: Vec<Same>,
}

impl Stability {
    /// Compares; without a second look nothing is known, but for locks on their way to a new
    /// owner.
    pub(super) fn of(first: &Look, second: Option<&Look>) -> Self {
        let mut stability = Self {
            waits: vec![Same::NotKnown; first.waits.len()],
            resources: vec![Same::NotKnown; first.resources.len()],
            gone: HashSet::new(),
            tasks: vec![Same::NotKnown; first.tasks.len()],
        };
        let Some(second) = second else {
            for (same, resource) in stability.resources.iter_mut().zip(&first.resources) {
                if is_handed_over(resource) {
                    *same = Same::No;
                }
            }
            return stability;
        };
        // Places of the second look by identity.
        let tasks: HashMap<_, u32> = second.tasks.iter().map(task_id).zip(0..).collect();
        let task_of = |at: u32| {
            let task = first.tasks.get(at as usize)?;
            tasks.get(&task_id(task)).copied()
        };
        let resources: HashMap<_, u32> = (second.resources.iter().zip(0..))
            .filter_map(|(resource, at)| Some((resource_id(resource)?, at)))
            .collect();
        let resource_of = |at: u32| {
            let resource = first.resources.get(at as usize)?;
            resources.get(&resource_id(resource)?).copied()
        };
        let waits: HashMap<_, &Wait> = (second.waits.iter())
            .map(|wait| ((wait.task, wait.resource), wait))
            .collect();
        for (same, (task, at)) in stability.tasks.iter_mut().zip(first.tasks.iter().zip(0..)) {
            let then = task_of(at).and_then(|at| second.tasks.get(at as usize));
            *same = match then.map(|then| (task.switches, then.switches)) {
                None => Same::No,
                Some((Some(now), Some(then))) if now == then => Same::Yes,
                Some((Some(_), Some(_))) => Same::No,
                Some(_) => Same::NotKnown,
            };
        }
        for (same, wait) in stability.waits.iter_mut().zip(&first.waits) {
            let in_second = task_of(wait.task).zip(resource_of(wait.resource));
            let then = in_second.and_then(|places| waits.get(&places));
            let task = stability.tasks.get(wait.task as usize);
            *same = match (then, &wait.retry, task) {
                (None, ..) | (_, _, None) => Same::No,
                (Some(then), Some(retry), _) => {
                    let is_same = then.retry.is_some_and(|then| then.span == retry.span);
                    if is_same { Same::Yes } else { Same::No }
                }
                (Some(_), None, Some(task)) => *task,
            };
        }
        for (at, resource) in (0..).zip(&first.resources) {
            let then = resource_of(at).and_then(|at| second.resources.get(at as usize));
            let holders = resource.holders.iter().map(|holder| task_of(holder.task));
            let holders: Vec<_> = holders.collect();
            stability.resources[at as usize] = match then {
                None => Same::No,
                Some(then) => {
                    let here: HashSet<_> = then.holders.iter().map(|one| one.task).collect();
                    for (holder, then) in resource.holders.iter().zip(&holders) {
                        if then.is_none_or(|then| !here.contains(&then)) {
                            stability.gone.insert((at, holder.task));
                        }
                    }
                    let known: HashSet<_> = holders.iter().flatten().copied().collect();
                    let is_any = table::needs(resource.kind) == Needs::Any;
                    let is_same = !is_handed_over(resource)
                        && !is_handed_over(then)
                        && owner(resource) == owner(then)
                        && (!is_any || here.is_subset(&known));
                    match is_same {
                        false => Same::No,
                        true if is_any && then.incomplete.is_some() => Same::NotKnown,
                        true => Same::Yes,
                    }
                }
            };
        }
        stability
    }
}

fn task_id(task: &Task) -> (u64, Option<u64>) {
    (task.addr, task.start_ns)
}

/// What tells one resource from another; `None` where nothing does.
fn resource_id(resource: &Resource) -> Option<(ResourceKind, u64, Option<u64>, Option<u64>)> {
    let is_known = resource.addr != 0 || resource.pfn.is_some() || resource.ino.is_some();
    is_known.then_some((resource.kind, resource.addr, resource.pfn, resource.ino))
}

/// The task in the owner word; 0 for none.
fn owner(resource: &Resource) -> Option<u64> {
    resource.owner_word.map(|word| word & !OWNER_FLAGS)
}

fn is_handed_over(resource: &Resource) -> bool {
    let word = resource.owner_word.unwrap_or(0);
    resource.kind == ResourceKind::Mutex && word & PICKUP != 0
}
