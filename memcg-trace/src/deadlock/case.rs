//! One case to judge: the graph of the trusted facts, and the nodes that cannot make progress.

use super::Rules;
use super::build::TrustedFacts;
use super::cycles::{self, Components};
use super::graph::Graph;
use crate::sample::waits::{Holder, Resource, Task, TaskScan, Wait, Waits};

/// A graph and its residue.
pub(super) struct Case<'a> {
    pub(super) waits: &'a Waits,
    pub(super) facts: TrustedFacts<'a>,
    pub(super) rules: &'a Rules,
    pub(super) graph: Graph,
    /// The reversed graph: the waiters of each node.
    pub(super) waiting: Graph,
    pub(super) residue: Vec<bool>,
    pub(super) components: Components,
}

/// A wait for one holder, both in the same component.
#[derive(Clone, Copy)]
pub(super) struct Link<'a> {
    pub(super) wait: &'a Wait,
    /// Index of the wait in the look.
    pub(super) at: usize,
    pub(super) holder: &'a Holder,
}

impl<'a> Case<'a> {
    pub(super) fn new(waits: &'a Waits, facts: TrustedFacts<'a>, rules: &'a Rules) -> Self {
        let graph = facts.graph();
        let waiting = graph.reversed();
        let residue = graph.residue_after(&waiting, &[]);
        let components = cycles::components(&graph, &residue);
        Self {
            waits,
            facts,
            rules,
            graph,
            waiting,
            residue,
            components,
        }
    }

    pub(super) fn look(&self) -> &'a TaskScan {
        self.facts.look
    }

    /// The task of a node, if it is one.
    pub(super) fn task(&self, node: u32) -> Option<&'a Task> {
        self.look().tasks.get(node as usize)
    }

    pub(super) fn tasks(&self, nodes: &[u32]) -> Vec<Task> {
        let tasks = nodes.iter().filter_map(|node| self.task(*node));
        tasks.cloned().collect()
    }

    /// The resource that a link's wait is for.
    pub(super) fn resource(&self, link: &Link) -> &'a Resource {
        &self.look().resources[link.wait.resource as usize]
    }
}
