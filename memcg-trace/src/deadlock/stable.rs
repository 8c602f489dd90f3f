//! Facts that are the same in two looks.
//!
//! A task that did not run between two looks waited all the time for the same resource, and held
//! all the time the same locks. Facts that are the same in both looks were therefore all true at
//! one instant, and what follows from them is a fact too: a deadlock does not go away by itself.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::graph::Needs;
use super::table;
use crate::sample::ResourceKind;
use crate::sample::waits::{Resource, Task, TaskScan, Wait};

/// `MUTEX_FLAG_WAITERS`, `_HANDOFF` and `_PICKUP` (kernel/locking/mutex.c), and the flags of
/// `rw_semaphore.owner` (kernel/locking/rwsem.c): the rest of an owner word is a task.
pub(super) const OWNER_FLAGS: u64 = 7;
/// `MUTEX_FLAG_PICKUP`: the task in the owner word was chosen, and has still to wake up.
const PICKUP: u64 = 4;

/// Comparison of a fact of both looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Same {
    /// The fact is the same.
    Yes,
    /// The fact has changed: a task that waited there makes progress.
    No,
    /// The comparison was not possible.
    NotKnown,
}

/// The facts of the first look, compared with the second look.
pub(super) struct Stability {
    /// By wait of the first look.
    pub(super) waits: Vec<Same>,
    /// By resource of the first look.
    pub(super) resources: Vec<Same>,
    /// Resource and holder of the first look, where the second does not have that holder.
    pub(super) gone: HashSet<(u32, u32)>,
    /// By task of the first look: whether the task stayed off, or on, its CPU all the time.
    pub(super) tasks: Vec<Same>,
    /// By task of the first look: whether the second has the task ready to run and without a CPU.
    pub(super) are_kept_off: Vec<bool>,
}

impl Stability {
    /// Compares two looks. Without a second look nothing is known, but for locks on their way to a
    /// new owner.
    pub(super) fn of(first: &TaskScan, second: Option<&TaskScan>) -> Self {
        let mut stability = Self {
            waits: vec![Same::NotKnown; first.waits.len()],
            resources: vec![Same::NotKnown; first.resources.len()],
            gone: HashSet::new(),
            tasks: vec![Same::NotKnown; first.tasks.len()],
            are_kept_off: vec![false; first.tasks.len()],
        };
        let Some(second) = second else {
            for (same, resource) in stability.resources.iter_mut().zip(&first.resources) {
                if is_handed_over(resource) {
                    *same = Same::No;
                }
            }
            return stability;
        };
        let tasks = places(&first.tasks, &second.tasks, |task| Some(task_id(task)));
        let mut resources = places(&first.resources, &second.resources, resource_id);
        places_of_nameless(first, second, &tasks, &mut resources);
        let wait_places: Vec<Option<(u32, u32)>> = (first.waits.iter())
            .map(|wait| place(&tasks, wait.task).zip(place(&resources, wait.resource)))
            .collect();
        let waits = places_of_waits(&wait_places, &second.waits);
        for (at, task) in first.tasks.iter().enumerate() {
            let then = tasks[at].and_then(|at| second.tasks.get(at as usize));
            let run = then.and_then(|then| then.run.as_ref());
            stability.are_kept_off[at] = run.is_some_and(|run| !run.on_cpu);
            stability.tasks[at] = match then.map(|then| (task.switches, then.switches)) {
                None => Same::No,
                Some((Some(now), Some(then))) if now == then => Same::Yes,
                Some((Some(_), Some(_))) => Same::No,
                Some(_) => Same::NotKnown,
            };
        }
        for (at, wait) in first.waits.iter().enumerate() {
            let then = waits[at].and_then(|at| second.waits.get(at as usize));
            let task_then = then.and_then(|then| second.tasks.get(then.task as usize));
            let task = stability.tasks.get(wait.task as usize);
            stability.waits[at] = match (then.zip(task_then), &wait.retry, task) {
                (None, ..) | (_, _, None) => Same::No,
                (Some((then, _)), Some(retry), _) => {
                    let is_same = then.retry.is_some_and(|then| then.span == retry.span);
                    if is_same { Same::Yes } else { Same::No }
                }
                // The task was woken, and has still to run.
                (Some((_, then)), None, _) if then.state == Some('R') => Same::No,
                (Some(_), None, Some(task)) => *task,
            };
        }
        for (at, resource) in (0..).zip(&first.resources) {
            let then = place(&resources, at).and_then(|at| second.resources.get(at as usize));
            stability.resources[at as usize] = match then {
                None => Same::No,
                Some(then) => stability.compare(at, resource, then, &tasks),
            };
        }
        stability
    }

    /// Compares the state of a resource in both looks, and notes which of its holders are gone.
    fn compare(
        &mut self,
        at: u32,
        resource: &Resource,
        then: &Resource,
        tasks: &[Option<u32>],
    ) -> Same {
        let here = || then.holders.iter().map(|holder| holder.task);
        let known = || {
            resource
                .holders
                .iter()
                .map(|holder| place(tasks, holder.task))
        };
        let is_any = table::needs(resource.kind) == Needs::Any;
        let mut has_new = false;
        // Mostly the holders are the same in the same order.
        if !known().eq(here().map(Some)) {
            let here: HashSet<u32> = here().collect();
            let known: HashSet<u32> = known().flatten().collect();
            has_new = !here.is_subset(&known);
            for holder in &resource.holders {
                if place(tasks, holder.task).is_none_or(|then| !here.contains(&then)) {
                    self.gone.insert((at, holder.task));
                }
            }
        }
        let has_moved = is_handed_over(resource)
            || is_handed_over(then)
            || owner(resource) != owner(then)
            || is_any && has_new;
        match has_moved {
            true => Same::No,
            false if is_any && then.incomplete.is_some() => Same::NotKnown,
            false => Same::Yes,
        }
    }
}

fn place(places: &[Option<u32>], at: u32) -> Option<u32> {
    places.get(at as usize).copied().flatten()
}

/// Indices in the second list of the items of the first. Mostly an item has the same index.
fn places<T, K: Eq + Hash>(
    first: &[T],
    second: &[T],
    id: impl Fn(&T) -> Option<K>,
) -> Vec<Option<u32>> {
    let mut by_id: Option<HashMap<K, u32>> = None;
    let find = |(one, at): (&T, u32)| {
        let wanted = id(one)?;
        let same_place = second.get(at as usize).and_then(&id);
        if same_place.as_ref() == Some(&wanted) {
            return Some(at);
        }
        let all = || {
            second
                .iter()
                .zip(0..)
                .filter_map(|(one, at)| Some((id(one)?, at)))
        };
        let by_id = by_id.get_or_insert_with(|| all().collect());
        by_id.get(&wanted).copied()
    };
    first.iter().zip(0..).map(find).collect()
}

/// Indices in the second look of waits whose task and resource there are known.
fn places_of_waits(wanted: &[Option<(u32, u32)>], second: &[Wait]) -> Vec<Option<u32>> {
    let id = |wait: &Wait| (wait.task, wait.resource);
    let mut by_id: Option<HashMap<(u32, u32), u32>> = None;
    let find = |(wanted, at): (&Option<(u32, u32)>, u32)| {
        let wanted = (*wanted)?;
        if second.get(at as usize).map(id) == Some(wanted) {
            return Some(at);
        }
        let by_id = by_id.get_or_insert_with(|| second.iter().map(id).zip(0..).collect());
        by_id.get(&wanted).copied()
    };
    wanted.iter().zip(0..).map(find).collect()
}

/// Finds resources without an identity (a device, a grace period) by their waiters: each is of one
/// wait.
fn places_of_nameless(
    first: &TaskScan,
    second: &TaskScan,
    tasks: &[Option<u32>],
    places: &mut [Option<u32>],
) {
    fn nameless<'a>(look: &'a TaskScan) -> impl Iterator<Item = (&'a Wait, ResourceKind)> {
        let resource = |wait: &'a Wait| Some((wait, look.resources.get(wait.resource as usize)?));
        let waits = look.waits.iter().filter_map(resource);
        waits
            .filter(|(_, resource)| resource_id(resource).is_none())
            .map(|(wait, resource)| (wait, resource.kind))
    }
    let mut then: HashMap<(u32, ResourceKind, Option<&str>), u32> = HashMap::new();
    for (wait, kind) in nameless(second) {
        then.insert((wait.task, kind, wait.function.as_deref()), wait.resource);
    }
    for (wait, kind) in nameless(first) {
        let Some(task) = place(tasks, wait.task) else {
            continue;
        };
        if let Some(found) = then.get(&(task, kind, wait.function.as_deref())) {
            places[wait.resource as usize] = Some(*found);
        }
    }
}

fn task_id(task: &Task) -> (u64, Option<u64>) {
    (task.addr, task.start_ns)
}

/// The identity of a resource; `None` where it has none.
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
