//! Graphs in which some nodes need all of their successors and others any one of them, and their
//! residue: the nodes that never make progress.

use std::collections::HashMap;

use strum::{IntoStaticStr, VariantNames};

/// The successors that a node needs to make progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
pub enum Needs {
    /// All of its successors.
    #[strum(serialize = "and")]
    All,
    /// Any of its successors.
    #[strum(serialize = "or")]
    Any,
}

/// A graph. Its nodes are numbered from 0; a node without successors needs nothing.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    needs: Vec<Needs>,
    /// Where the successors of each node start in `to`, and the end of the last.
    first: Vec<u32>,
    to: Vec<u32>,
}

impl Graph {
    /// Makes a node for each of `needs`. Edges to or from other nodes are left out.
    #[must_use]
    pub fn new(needs: Vec<Needs>, edges: &[(u32, u32)]) -> Self {
        let (first, to) = lists(needs.len(), edges);
        Self { needs, first, to }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.needs.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.needs.is_empty()
    }

    /// The nodes that a node needs; none for a node that does not exist.
    #[must_use]
    pub fn successors(&self, node: u32) -> &[u32] {
        list(&self.first, &self.to, node)
    }

    /// All edges, by their sources.
    pub fn edges(&self) -> impl Iterator<Item = (u32, u32)> + Clone {
        (0..).zip(&self.needs).flat_map(|(node, _)| {
            let successors = self.successors(node).iter();
            successors.map(move |to| (node, *to))
        })
    }

    /// The graph with all edges reversed: from a needed node to those that need it.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let nodes = u32::try_from(self.needs.len()).unwrap_or(u32::MAX);
        let mut first = vec![0_u32; self.needs.len() + 1];
        for to in &self.to {
            first[*to as usize + 1] += 1;
        }
        sum_up(&mut first);
        let mut next = first.clone();
        let mut from = vec![0; self.to.len()];
        for node in 0..nodes {
            for to in self.successors(node) {
                let at = &mut next[*to as usize];
                from[*at as usize] = node;
                *at += 1;
            }
        }
        Self {
            needs: self.needs.clone(),
            first,
            to: from,
        }
    }

    /// The subgraph of `nodes`, each numbered by its index there.
    #[must_use]
    pub fn part(&self, nodes: &[u32]) -> Self {
        let places: HashMap<u32, u32> = nodes.iter().copied().zip(0..).collect();
        let needs = nodes
            .iter()
            .filter_map(|node| self.needs.get(*node as usize));
        let mut edges = Vec::new();
        for (node, from) in nodes.iter().zip(0..) {
            let to = self.successors(*node).iter();
            edges.extend(to.filter_map(|to| Some((from, *places.get(to)?))));
        }
        Self::new(needs.copied().collect(), &edges)
    }

    /// Removes, again and again, each node that can make progress, and returns which are left:
    /// those that never will, if the graph is complete. Time is linear in nodes and edges (Holt
    /// 1972).
    #[must_use]
    pub fn residue(&self) -> Vec<bool> {
        self.residue_after(&self.reversed(), &[])
    }

    /// As `residue()`, with the reversed graph at hand. The nodes `making_progress` make progress
    /// whatever they need.
    #[must_use]
    pub fn residue_after(&self, reversed: &Self, making_progress: &[u32]) -> Vec<bool> {
        // The number of successors that must make progress before the node can.
        let mut missing: Vec<u32> = (0..)
            .zip(&self.needs)
            .map(|(node, needs)| {
                let successors = u32::try_from(self.successors(node).len()).unwrap_or(u32::MAX);
                match needs {
                    Needs::All => successors,
                    Needs::Any => successors.min(1),
                }
            })
            .collect();
        for node in making_progress {
            if let Some(missing) = missing.get_mut(*node as usize) {
                *missing = 0;
            }
        }
        let mut stuck: Vec<bool> = missing.iter().map(|missing| *missing > 0).collect();
        let mut work: Vec<u32> = (0..)
            .zip(&stuck)
            .filter_map(|(node, is_stuck)| (!is_stuck).then_some(node))
            .collect();
        while let Some(node) = work.pop() {
            for waiting in reversed.successors(node) {
                let at = *waiting as usize;
                if stuck[at] {
                    missing[at] -= 1;
                    if missing[at] == 0 {
                        stuck[at] = false;
                        work.push(*waiting);
                    }
                }
            }
        }
        stuck
    }
}

/// Edges as adjacency lists: where each source's targets start, and all targets.
fn lists(nodes: usize, edges: &[(u32, u32)]) -> (Vec<u32>, Vec<u32>) {
    let is_inside = |(from, to): &&(u32, u32)| (*from as usize) < nodes && (*to as usize) < nodes;
    let mut first = vec![0_u32; nodes + 1];
    for (from, _) in edges.iter().filter(is_inside) {
        first[*from as usize + 1] += 1;
    }
    sum_up(&mut first);
    let mut next = first.clone();
    let mut targets = vec![0; first[nodes] as usize];
    for (from, to) in edges.iter().filter(is_inside) {
        let at = &mut next[*from as usize];
        targets[*at as usize] = *to;
        *at += 1;
    }
    (first, targets)
}

/// Turns counts into start indices.
fn sum_up(counts: &mut [u32]) {
    let mut sum = 0;
    for count in counts {
        sum += *count;
        *count = sum;
    }
}

fn list<'a>(first: &[u32], targets: &'a [u32], node: u32) -> &'a [u32] {
    let at = node as usize;
    let range = first.get(at).zip(first.get(at + 1));
    range
        .and_then(|(begin, end)| targets.get(*begin as usize..*end as usize))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest set whose members all need another member: for [`Needs::All`], some successor is
    /// in the set; for [`Needs::Any`], all are. Tries every set.
    fn brute_force(needs: &[Needs], successors: &[u32]) -> u32 {
        let is_closed = |set: u32| {
            needs
                .iter()
                .zip(successors)
                .enumerate()
                .all(|(node, (needs, to))| {
                    let is_stuck = match needs {
                        Needs::All => to & set != 0,
                        Needs::Any => *to != 0 && to & !set == 0,
                    };
                    set >> node & 1 == 0 || is_stuck
                })
        };
        let sets = 0..1_u32 << needs.len();
        sets.fold(0, |all, set| {
            let is_news = set & !all != 0;
            if is_news && is_closed(set) {
                all | set
            } else {
                all
            }
        })
    }

    /// xorshift64*: the same graphs every time.
    struct Random(u64);

    impl Random {
        fn below(&mut self, end: u64) -> u64 {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
        }
    }

    #[test]
    fn the_residue_is_what_brute_force_finds() {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut with_residue = 0;
        for case in 0..100_000 {
            let nodes = 1 + random.below(10);
            let needs: Vec<Needs> = (0..nodes)
                .map(|_| {
                    if random.below(2) == 0 {
                        Needs::All
                    } else {
                        Needs::Any
                    }
                })
                .collect();
            let density = 1 + random.below(6);
            let mut edges = Vec::new();
            let mut successors = vec![0_u32; needs.len()];
            for (from, mask) in (0..).zip(&mut successors) {
                for to in 0..u32::try_from(nodes).unwrap() {
                    if random.below(10) < density {
                        edges.push((from, to));
                        *mask |= 1 << to;
                    }
                }
            }
            let residue = Graph::new(needs.clone(), &edges).residue();
            let found = residue
                .iter()
                .rev()
                .fold(0, |set, stuck| set << 1 | u32::from(*stuck));
            assert_eq!(
                found,
                brute_force(&needs, &successors),
                "case {case}: {needs:?} {edges:?}"
            );
            with_residue += u32::from(found != 0);
        }
        assert!(
            (20_000..80_000).contains(&with_residue),
            "{with_residue} of 100,000 say anything"
        );
    }

    #[test]
    fn edges_of_nodes_that_are_not_there_do_nothing() {
        let graph = Graph::new(vec![Needs::All; 2], &[(0, 7), (9, 1), (1, 1)]);
        assert_eq!(graph.residue(), [false, true]);
        assert!(graph.successors(7).is_empty());
    }
}
