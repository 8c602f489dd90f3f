//! Cycles among the nodes that never make progress.

use std::collections::VecDeque;

use super::graph::Graph;

/// Bound on the edges that the search for a component's shortest cycle follows.
const MAX_STEPS: usize = 2_000_000;
/// Marks a node without a component.
pub(super) const NONE: u32 = u32::MAX;

/// The strongly connected components that contain a cycle.
pub(super) struct Components {
    /// Nodes by component.
    pub(super) nodes: Vec<Vec<u32>>,
    /// Component by node, or [`NONE`].
    pub(super) of: Vec<u32>,
}

/// Finds the components of the nodes of `graph` that are `among` (Tarjan 1972).
pub(super) fn components(graph: &Graph, among: &[bool]) -> Components {
    const UNSEEN: u32 = u32::MAX;
    let nodes = u32::try_from(graph.len()).unwrap_or(u32::MAX);
    let mut index = vec![UNSEEN; graph.len()];
    let mut low = vec![0; graph.len()];
    let mut is_open = vec![false; graph.len()];
    let mut open = Vec::new();
    let mut found = Components {
        nodes: Vec::new(),
        of: vec![NONE; graph.len()],
    };
    let mut count = 0;
    // The nodes on the path, each with its number of visited successors. An explicit stack, since a
    // chain of 100,000 tasks would overrun the call stack.
    let mut path: Vec<(u32, usize)> = Vec::new();
    for start in 0..nodes {
        if !among[start as usize] || index[start as usize] != UNSEEN {
            continue;
        }
        path.push((start, 0));
        while let Some((node, step)) = path.last_mut() {
            let (node, at) = (*node, *node as usize);
            if *step == 0 {
                (index[at], low[at]) = (count, count);
                count += 1;
                is_open[at] = true;
                open.push(node);
            }
            if let Some(to) = graph.successors(node).get(*step) {
                *step += 1;
                let next = *to as usize;
                if among[next] && index[next] == UNSEEN {
                    path.push((*to, 0));
                } else if is_open[next] {
                    low[at] = low[at].min(index[next]);
                }
                continue;
            }
            path.pop();
            if let Some((parent, _)) = path.last() {
                let parent = *parent as usize;
                low[parent] = low[parent].min(low[at]);
            }
            if low[at] == index[at] {
                let begin = open.iter().rposition(|one| *one == node).unwrap_or(0);
                let members = open.split_off(begin);
                for member in &members {
                    is_open[*member as usize] = false;
                }
                let is_cycle = members.len() > 1 || graph.successors(node).contains(&node);
                if is_cycle {
                    let component = u32::try_from(found.nodes.len()).unwrap_or(NONE);
                    for member in &members {
                        found.of[*member as usize] = component;
                    }
                    found.nodes.push(members);
                }
            }
        }
    }
    found
}

/// The shortest cycle of a component, in the order of its edges. In a component that is too large
/// to search completely, a short cycle.
pub(super) fn shortest(graph: &Graph, components: &Components, component: u32) -> Vec<u32> {
    let Some(nodes) = components.nodes.get(component as usize) else {
        return Vec::new();
    };
    let mut best: Vec<u32> = Vec::new();
    let mut steps = 0;
    // The predecessor of a node, and the start of the search that set it, so that nothing has to be
    // cleared between searches.
    let mut from = vec![(NONE, NONE); graph.len()];
    let mut queue = VecDeque::new();
    for start in nodes {
        if steps > MAX_STEPS {
            break;
        }
        queue.clear();
        queue.push_back((*start, 1));
        'search: while let Some((node, length)) = queue.pop_front() {
            if !best.is_empty() && length >= best.len() {
                break;
            }
            for to in graph.successors(node) {
                steps += 1;
                let next = *to as usize;
                if components.of[next] != component {
                    continue;
                }
                if to == start {
                    best = way(&from, *start, node);
                    break 'search;
                }
                if from[next].0 != *start {
                    from[next] = (*start, node);
                    queue.push_back((*to, length + 1));
                }
            }
        }
    }
    best
}

/// The nodes on the path from `start` to `end`.
fn way(from: &[(u32, u32)], start: u32, end: u32) -> Vec<u32> {
    let mut way = vec![end];
    let mut at = end;
    while at != start {
        at = from[at as usize].1;
        way.push(at);
    }
    way.reverse();
    way
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deadlock::graph::Needs;

    fn graph(nodes: usize, edges: &[(u32, u32)]) -> (Graph, Vec<bool>) {
        (
            Graph::new(vec![Needs::All; nodes], edges),
            vec![true; nodes],
        )
    }

    #[test]
    fn components_are_those_with_cycles() {
        let (graph, all) = graph(7, &[(0, 1), (1, 2), (2, 0), (3, 0), (4, 5), (5, 4), (6, 6)]);
        let found = components(&graph, &all);
        let mut nodes = found.nodes.clone();
        nodes.iter_mut().for_each(|nodes| nodes.sort_unstable());
        nodes.sort();
        assert_eq!(nodes, [vec![0, 1, 2], vec![4, 5], vec![6]]);
        assert_eq!(found.of[3], NONE);
        assert_eq!(found.of[0], found.of[2]);
        let without = [true, false, true, true, true, true, true];
        assert_eq!(components(&graph, &without).nodes.len(), 2);
    }

    #[test]
    fn the_shortest_cycle_comes_in_order() {
        let edges = [(0, 1), (1, 2), (2, 3), (3, 0), (2, 4), (4, 2), (4, 0)];
        let (graph, all) = graph(5, &edges);
        let found = components(&graph, &all);
        assert_eq!(found.nodes.len(), 1);
        let mut cycle = shortest(&graph, &found, 0);
        cycle.sort_unstable();
        assert_eq!(cycle, [2, 4]);
    }

    #[test]
    fn a_ring_of_100_000_needs_no_deep_stack() {
        let nodes = 100_000;
        let edges: Vec<_> = (0..nodes).map(|node| (node, (node + 1) % nodes)).collect();
        let (graph, all) = graph(edges.len(), &edges);
        let found = components(&graph, &all);
        assert_eq!(found.nodes[0].len(), edges.len());
        assert_eq!(shortest(&graph, &found, 0).len(), edges.len());
    }
}
