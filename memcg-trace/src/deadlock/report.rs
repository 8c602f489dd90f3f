//! Deadlocks in readable form, from components of the graph.

use std::collections::HashMap;

use super::build::Trust;
use super::case::{Case, Link};
use super::cycles::{self, NONE};
use super::verdict::{Deadlock, Edge, State, bare};
use super::{evidence, table, words};

/// Edges and victims of one deadlock that are listed; the others are counted.
const MAX_LISTED: usize = 1000;

impl<'a> Case<'a> {
    /// The deadlocks whose nodes `are_wanted`, each with its nodes, and the number of rings that
    /// are left to user space.
    pub(super) fn deadlocks(
        &self,
        are_wanted: impl Fn(&[u32]) -> bool,
    ) -> (Vec<(Vec<u32>, Deadlock)>, u64) {
        let (mut found, mut user_space_rings) = (Vec::new(), 0);
        if self.components.nodes.is_empty() {
            return (found, user_space_rings);
        }
        for ((component, nodes), links) in (0..).zip(&self.components.nodes).zip(self.links()) {
            let mut waits = links.iter().map(|link| link.wait);
            if !waits.any(|wait| self.rules.is_old(self.waits, wait)) || !are_wanted(nodes) {
                continue;
            }
            let is_of_user_space = |link: &Link| table::is_of_user_space(self.resource(link).kind);
            if links.iter().all(is_of_user_space) {
                user_space_rings += 1;
            } else {
                let deadlock = self.deadlock(component, nodes, &links);
                found.push((nodes.clone(), deadlock));
            }
        }
        (found, user_space_rings)
    }

    /// The waits inside each component.
    fn links(&self) -> Vec<Vec<Link<'a>>> {
        let mut links = vec![Vec::new(); self.components.nodes.len()];
        let look = self.look();
        let tasks = self.facts.tasks();
        for (at, wait) in look.waits.iter().enumerate() {
            let resource = look.resources.get(wait.resource as usize);
            let component = self.components.of.get(wait.task as usize).copied();
            let (Some(resource), Some(component)) = (resource, component) else {
                continue;
            };
            let is_inside = |node: u32| self.components.of.get(node as usize) == Some(&component);
            let is_link = component != NONE
                && is_inside(tasks + wait.resource)
                && self.facts.holds_up(at, wait);
            if is_link && let Some(links) = links.get_mut(component as usize) {
                let holders = self.facts.holders(wait.resource, resource);
                let inside = holders.filter(|holder| is_inside(holder.task));
                links.extend(inside.map(|holder| Link { wait, at, holder }));
            }
        }
        links
    }

    fn deadlock(&self, component: u32, nodes: &[u32], links: &[Link<'a>]) -> Deadlock {
        let cycle = self.cycle(component);
        let members = self.members(nodes, &cycle);
        let (links, cycle_edges) = self.in_order(links, &cycle);
        let in_cycle = &links[..cycle_edges];
        let places: HashMap<u32, usize> = members.iter().copied().zip(0..).collect();
        let edges: Vec<Edge> = (links.iter())
            .take(MAX_LISTED.max(cycle_edges))
            .filter_map(|link| self.edge(link, &places))
            .collect();
        let victims = self.victims(nodes);
        let is_confirmed = self.facts.trust == Trust::Proof;
        let second = self.waits.looks.get(1);
        let closing = evidence::closing(self, in_cycle);
        let looks = &self.waits.looks;
        let mut deadlock = Deadlock {
            cycle_id: evidence::cycle_id(self, &cycle),
            state: if is_confirmed {
                State::Confirmed
            } else {
                State::Suspected
            },
            is_lossy: self.waits.lost_total.is_some_and(|lost| lost > 0)
                || looks.iter().any(|look| look.truncated_at.is_some()),
            is_preexisting: closing.is_preexisting,
            sentence: String::new(),
            members: self.tasks(&members),
            edges_omitted: links.len().saturating_sub(edges.len()) as u64,
            edges,
            cycle_edges,
            victims: self.tasks(&victims[..victims.len().min(MAX_LISTED)]),
            victims_omitted: victims.len().saturating_sub(MAX_LISTED) as u64,
            missing: if is_confirmed {
                Vec::new()
            } else {
                evidence::missing(self, &links)
            },
            breakable_by: evidence::breaks(self, nodes, &cycle, in_cycle),
            close_ns: closing.at_ns,
            close_after_ns: closing.after_ns,
            close_before_ns: closing.before_ns,
            candidate_ns: self.look().end_ns,
            confirmed_ns: second.filter(|_| is_confirmed).map(|look| look.end_ns),
        };
        deadlock.sentence = words::sentence(&deadlock);
        deadlock
    }

    /// The shortest cycle, starting at the task with the smallest index, so that the order is the
    /// same every time.
    fn cycle(&self, component: u32) -> Vec<u32> {
        let mut cycle = cycles::shortest(&self.graph, &self.components, component);
        let tids = cycle.iter().map(|node| Some(self.task(*node)?.tid));
        let tasks = tids.enumerate().filter(|(_, tid)| tid.is_some());
        let first = tasks.min_by_key(|(_, tid)| *tid).map_or(0, |(at, _)| at);
        cycle.rotate_left(first);
        cycle
    }

    /// The tasks of a component: those of the cycle in its order, then the others.
    fn members(&self, nodes: &[u32], cycle: &[u32]) -> Vec<u32> {
        let is_task = |node: &u32| *node < self.facts.tasks();
        let mut members: Vec<u32> = cycle.iter().copied().filter(is_task).collect();
        let mut others: Vec<u32> = nodes.iter().copied().filter(is_task).collect();
        others.retain(|node| !cycle.contains(node));
        others.sort_by_key(|node| self.task(*node).map(|task| task.tid));
        members.append(&mut others);
        members
    }

    /// The waits of the cycle in its order, then the others; and the number of waits of the cycle.
    fn in_order(&self, links: &[Link<'a>], cycle: &[u32]) -> (Vec<Link<'a>>, usize) {
        let tasks = self.facts.tasks();
        let ends = |link: &Link| (link.wait.task, tasks + link.wait.resource, link.holder.task);
        let by_ends: HashMap<_, &Link> = links.iter().map(|link| (ends(link), link)).collect();
        let next = |at: usize| cycle.get(at % cycle.len().max(1)).copied();
        let steps = (0..cycle.len()).step_by(2);
        let in_cycle = steps.filter_map(|at| {
            let ends = (next(at)?, next(at + 1)?, next(at + 2)?);
            by_ends.get(&ends).map(|link| **link)
        });
        let mut ordered: Vec<Link> = in_cycle.collect();
        let cycle_edges = ordered.len();
        let in_cycle: Vec<_> = ordered.iter().map(ends).collect();
        ordered.extend(links.iter().filter(|link| !in_cycle.contains(&ends(link))));
        (ordered, cycle_edges)
    }

    fn edge(&self, link: &Link, places: &HashMap<u32, usize>) -> Option<Edge> {
        let resource = self.resource(link);
        let stack = self.task(link.wait.task)?.stack;
        let stack = stack.and_then(|stack| self.waits.stacks.get(stack as usize));
        Some(Edge {
            from: *places.get(&link.wait.task)?,
            to: *places.get(&link.holder.task)?,
            resource: bare(resource),
            mode: link.wait.mode,
            held: link.holder.mode,
            needs: table::needs(resource.kind),
            evidence: link.wait.evidence.max(link.holder.evidence),
            since_ns: link.wait.since_ns,
            is_retry: link.wait.retry.is_some(),
            tries_total: link.wait.retry.and_then(|retry| retry.tries_total),
            function: link.wait.function.clone(),
            stack: stack.cloned().unwrap_or_default(),
        })
    }

    /// Tasks that wait for a component, directly or through others, and are in none themselves.
    fn victims(&self, nodes: &[u32]) -> Vec<u32> {
        let mut is_seen = vec![false; self.residue.len()];
        nodes.iter().for_each(|node| is_seen[*node as usize] = true);
        let mut work = nodes.to_vec();
        let mut victims = Vec::new();
        while let Some(node) = work.pop() {
            for behind in self.waiting.successors(node) {
                let at = *behind as usize;
                if self.residue[at] && !is_seen[at] {
                    is_seen[at] = true;
                    work.push(*behind);
                    if *behind < self.facts.tasks() && self.components.of[at] == NONE {
                        victims.push(*behind);
                    }
                }
            }
        }
        victims.sort_by_key(|node| self.task(*node).map(|task| task.tid));
        victims
    }
}
