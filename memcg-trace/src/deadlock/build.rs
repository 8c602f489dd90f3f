//! The graph of a look: tasks first, resources after them.

use super::graph::{Graph, Needs};
use super::stable::{Same, Stability};
use super::table;
use crate::sample::waits::{Evidence, Holder, Resource, TaskScan, Wait};

/// The facts that the graph is built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Only facts that prove something: a task that is not sure to wait can make progress.
    Proof,
    /// Hints too, and facts that could not be seen twice.
    Hints,
}

/// A look, with the facts that are trusted.
#[derive(Clone, Copy)]
pub(super) struct TrustedFacts<'a> {
    pub(super) look: &'a TaskScan,
    pub(super) stability: &'a Stability,
    pub(super) trust: Trust,
}

impl<'a> TrustedFacts<'a> {
    /// The graph: a task needs all resources that it waits for, a resource its holders. A resource
    /// without a known holder has no successors, and can make progress.
    pub(super) fn graph(self) -> Graph {
        let look = self.look;
        let mut needs = vec![Needs::All; look.tasks.len()];
        needs.extend(look.resources.iter().map(|one| table::needs(one.kind)));
        let tasks = self.tasks();
        let mut edges = Vec::with_capacity(look.waits.len() * 2);
        for (at, wait) in look.waits.iter().enumerate() {
            if self.holds_up(at, wait) {
                edges.push((wait.task, tasks + wait.resource));
            }
        }
        for (at, resource) in (0..).zip(&look.resources) {
            edges.extend(
                self.holders(at, resource)
                    .map(|holder| (tasks + at, holder.task)),
            );
        }
        Graph::new(needs, &edges)
    }

    /// Returns whether hints, or facts that could not be seen twice, would add anything to the
    /// proof.
    pub(super) fn has_guesses(self) -> bool {
        let is_unseen = |same: &Same| *same == Same::NotKnown;
        let is_guessed = |resource: &Resource| match table::needs(resource.kind) {
            Needs::Any => resource.incomplete.is_some() || has_hint(resource),
            Needs::All => has_hint(resource),
        };
        let waits = &self.look.waits;
        self.stability.waits.iter().any(is_unseen)
            || self.stability.resources.iter().any(is_unseen)
            || waits.iter().any(|wait| wait.evidence == Evidence::Hint)
            || self.look.resources.iter().any(is_guessed)
    }

    /// The number of tasks, which is also the node of the first resource.
    pub(super) fn tasks(self) -> u32 {
        u32::try_from(self.look.tasks.len()).unwrap_or(u32::MAX)
    }

    /// Returns whether a wait blocks its task.
    pub(super) fn holds_up(self, at: usize, wait: &Wait) -> bool {
        let Some(task) = self.look.tasks.get(wait.task as usize) else {
            return false;
        };
        // A task that is awake has the resource that it waited for.
        let is_awake = task.state == Some('R') && wait.retry.is_none();
        let is_there = (wait.resource as usize) < self.look.resources.len();
        let is_sure = wait.evidence != Evidence::Hint && self.stability.waits[at] == Same::Yes;
        is_there
            && !is_awake
            && !wait.times_out
            && (is_sure || self.trust == Trust::Hints && self.stability.waits[at] != Same::No)
    }

    /// The holders of a resource that must act; none if the resource may be free.
    pub(super) fn holders(
        self,
        at: u32,
        resource: &'a Resource,
    ) -> impl Iterator<Item = &'a Holder> {
        let needs = table::needs(resource.kind);
        let same = self.stability.resources[at as usize];
        let gone = &self.stability.gone;
        let tasks = self.tasks();
        let are_all_there = resource.holders.iter().all(|holder| holder.task < tasks);
        let is_free = match (needs, self.trust) {
            // An unknown holder may make progress, so the proof assumes that it does.
            (Needs::Any, _) if !are_all_there || same == Same::No => true,
            (Needs::Any, Trust::Proof) => {
                resource.incomplete.is_some() || has_hint(resource) || same != Same::Yes
            }
            (Needs::All, Trust::Proof) => same != Same::Yes,
            (Needs::All, Trust::Hints) => same == Same::No,
            (Needs::Any, Trust::Hints) => false,
        };
        let is_gone = move |holder: &Holder| {
            // Hashing costs time, and `gone` is mostly empty.
            !gone.is_empty() && gone.contains(&(at, holder.task))
        };
        let holders = if is_free { &[][..] } else { &resource.holders };
        holders.iter().filter(move |holder| {
            let is_sure = self.trust == Trust::Hints || holder.evidence != Evidence::Hint;
            let is_there = holder.task < tasks;
            is_there && is_sure && !is_gone(holder)
        })
    }
}

/// Returns whether some holders of the resource are a guess.
fn has_hint(resource: &Resource) -> bool {
    let mut holders = resource.holders.iter();
    holders.any(|holder| holder.evidence == Evidence::Hint)
}
