//! Undecided waits: neither proven to last nor shown to end.
//!
//! "No deadlock" is true only if the task that must act for each long wait is known, and can act.
//! So the graph is reduced once more, without the benefit of the doubt: a resource whose holders
//! are not known may be held by any task, so its waiters are not shown to make progress. A device,
//! a user who froze something and a limit that ends by the clock are known to act.

use std::collections::HashMap;

use super::build::{Trust, TrustedFacts};
use super::convoys::orphan;
use super::graph::{Graph, Needs};
use super::stable::{Same, Stability};
use super::verdict::{OpenEnd, bare};
use super::{Rules, table};
use crate::sample::waits::{Evidence, Holder, Resource, Task, TaskScan, Wait, Waits};

/// Ends that are listed; their waits are all counted.
const MAX_LISTED: usize = 100;

/// The search for open ends.
pub(super) struct Search<'a> {
    pub(super) waits: &'a Waits,
    pub(super) look: &'a TaskScan,
    pub(super) stability: &'a Stability,
    pub(super) rules: &'a Rules,
    /// By node: proven never to make progress.
    pub(super) proven: &'a [bool],
}

/// A wait that is not proven to last, nor shown to end.
struct Undecided<'a> {
    wait: &'a Wait,
    /// The resource at which the wait is open.
    end: u32,
}

impl<'a> Search<'a> {
    /// Counts the undecided long waits, and lists their ends, those with the most waits first.
    pub(super) fn ends(&self) -> (u64, Vec<OpenEnd>) {
        let undecided = self.undecided();
        let mut ends: HashMap<_, OpenEnd> = HashMap::new();
        for one in &undecided {
            let Some(resource) = self.look.resources.get(one.end as usize) else {
                continue;
            };
            let at_end = self.wait_for(one.end);
            let function = at_end.and_then(|wait| wait.function.clone());
            // Resources without an identity count as one.
            let key = (
                resource.kind,
                resource.addr,
                resource.name.clone(),
                function.clone(),
            );
            let end = ends.entry(key).or_insert_with(|| OpenEnd {
                waiter: at_end.and_then(|wait| self.task(wait.task)).cloned(),
                resource: bare(resource),
                function,
                why: why(resource),
                waits: 0,
                max_wait_ns: None,
            });
            end.waits += 1;
            let age_ns = self.rules.age_ns(self.waits, one.wait);
            end.max_wait_ns = end.max_wait_ns.max(age_ns);
        }
        let mut ends: Vec<OpenEnd> = ends.into_values().collect();
        ends.sort_by(|a, b| {
            let key = |end: &OpenEnd| (end.waits, end.max_wait_ns);
            let name = |end: &OpenEnd| (end.resource.kind, end.resource.addr);
            key(b)
                .cmp(&key(a))
                .then_with(|| name(a).cmp(&name(b)))
                .then_with(|| a.function.cmp(&b.function))
        });
        ends.truncate(MAX_LISTED);
        (undecided.len() as u64, ends)
    }

    fn task(&self, at: u32) -> Option<&'a Task> {
        self.look.tasks.get(at as usize)
    }

    /// The longest wait for a resource.
    fn wait_for(&self, resource: u32) -> Option<&'a Wait> {
        let waits = self.look.waits.iter();
        let waits = waits.filter(|wait| wait.resource == resource);
        waits.max_by_key(|wait| self.rules.age_ns(self.waits, wait))
    }

    fn undecided(&self) -> Vec<Undecided<'a>> {
        let facts = TrustedFacts {
            look: self.look,
            stability: self.stability,
            trust: Trust::Hints,
        };
        let open = self.open(facts);
        if !open.contains(&true) {
            return Vec::new();
        }
        let graph = self.graph(facts, &open);
        let waiting = graph.reversed();
        let stuck = graph.residue_after(&waiting, &[]);
        let end_of = self.end_of(&waiting, &stuck, &open);
        let mut undecided = Vec::new();
        for (at, wait) in self.look.waits.iter().enumerate() {
            let task = wait.task as usize;
            let resource = self.look.resources.get(wait.resource as usize);
            let is_asked = resource.is_some_and(|one| table::is_of_the_kernel(one.kind))
                && self.rules.is_old(self.waits, wait);
            let is_proven = self.proven.get(task) == Some(&true);
            let end = end_of.get(task).copied().flatten();
            if is_asked
                && !is_proven
                && facts.holds_up(at, wait)
                && let Some(end) = end
            {
                undecided.push(Undecided { wait, end });
            }
        }
        undecided
    }

    /// By resource: whether a long wait for it may end at an unknown holder.
    fn open(&self, facts: TrustedFacts<'_>) -> Vec<bool> {
        let mut open = vec![false; self.look.resources.len()];
        for (at, wait) in self.look.waits.iter().enumerate() {
            // A wait that began just now has had no time to end.
            if facts.holds_up(at, wait)
                && self.rules.is_old(self.waits, wait)
                && let Some(open) = open.get_mut(wait.resource as usize)
            {
                *open = true;
            }
        }
        for wait in &self.look.waits {
            // A task that was woken has the resource, or tries to get it.
            let is_awake = self
                .task(wait.task)
                .is_some_and(|one| one.state == Some('R'));
            if is_awake
                && wait.retry.is_none()
                && let Some(open) = open.get_mut(wait.resource as usize)
            {
                *open = false;
            }
        }
        for ((open, resource), same) in (open.iter_mut())
            .zip(&self.look.resources)
            .zip(&self.stability.resources)
        {
            *open &= *same != Same::No && self.is_open(resource);
        }
        open
    }

    fn is_open(&self, resource: &Resource) -> bool {
        if table::acts_by_itself(resource.kind) || resource.kept_by.is_some() {
            return false;
        }
        let mut holders = resource.holders.iter();
        match table::needs(resource.kind) {
            _ if resource.incomplete.is_some() => true,
            Needs::All if table::is_lock(resource.kind) => {
                holders.len() == 0 || holders.any(|holder| self.is_dead(holder))
            }
            // All holders that had to release the resource are gone.
            Needs::All => false,
            Needs::Any => !holders.any(is_sure),
        }
    }

    /// Returns whether a holder has ended: it releases nothing any more.
    fn is_dead(&self, holder: &Holder) -> bool {
        let state = self.task(holder.task).and_then(|task| task.state);
        matches!(state, None | Some('X' | 'Z'))
    }

    /// The graph with one more node, the unknown holder, which is not known to make progress.
    fn graph(&self, facts: TrustedFacts<'_>, open: &[bool]) -> Graph {
        let tasks = facts.tasks();
        let mut needs = vec![Needs::All; self.look.tasks.len()];
        let resources = self.look.resources.iter();
        needs.extend(resources.map(|one| table::needs(one.kind)));
        let unknown = u32::try_from(needs.len()).unwrap_or(u32::MAX);
        needs.push(Needs::All);
        let mut edges = vec![(unknown, unknown)];
        for (at, wait) in self.look.waits.iter().enumerate() {
            if facts.holds_up(at, wait) {
                edges.push((wait.task, tasks + wait.resource));
            }
        }
        for ((at, resource), open) in (0..).zip(&self.look.resources).zip(open) {
            if table::acts_by_itself(resource.kind) || resource.kept_by.is_some() {
                continue;
            }
            let is_any = table::needs(resource.kind) == Needs::Any;
            let holders = facts.holders(at, resource);
            // A holder that is only a guess cannot be relied on to act.
            let holders = holders.filter(|holder| !is_any || is_sure(holder));
            edges.extend(holders.map(|holder| (tasks + at, holder.task)));
            if *open {
                edges.push((tasks + at, unknown));
            }
        }
        Graph::new(needs, &edges)
    }

    /// By node: an open resource that the node may wait for in the end.
    fn end_of(&self, waiting: &Graph, stuck: &[bool], open: &[bool]) -> Vec<Option<u32>> {
        let tasks = u32::try_from(self.look.tasks.len()).unwrap_or(u32::MAX);
        let mut end_of = vec![None; waiting.len()];
        let mut work: Vec<(u32, u32)> = (0..)
            .zip(open)
            .filter_map(|(at, open)| open.then_some((tasks + at, at)))
            .collect();
        while let Some((node, end)) = work.pop() {
            let at = node as usize;
            if stuck.get(at) != Some(&true) || end_of[at].is_some() {
                continue;
            }
            end_of[at] = Some(end);
            let next = waiting.successors(node).iter();
            work.extend(next.map(|node| (*node, end)));
        }
        end_of
    }
}

fn is_sure(holder: &Holder) -> bool {
    holder.evidence != Evidence::Hint
}

/// The reason why the end of a wait for the resource is not known.
fn why(resource: &Resource) -> String {
    match &resource.incomplete {
        Some(incomplete) => incomplete.clone(),
        None if table::is_lock(resource.kind) => orphan(resource),
        None => "who ends it is not known".to_owned(),
    }
}
