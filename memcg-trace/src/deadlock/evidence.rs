//! Proof of a deadlock: its identity, its gaps, and the time it closed.

use super::case::{Case, Link};
use super::stable::Same;
use super::verdict::{Break, Signal};
use super::{table, words};
use crate::sample::ResourceKind;
use crate::sample::waits::{EndsOn, Evidence, Task};

/// Signals that are tried on one deadlock.
const MAX_BREAKS: usize = 8;
/// Bound on the edges of a deadlock and its dependencies for which more than one signal is tried.
const MAX_TRIED_EDGES: usize = 100_000;

/// Identity of a cycle, whatever else waits for it (FNV-1a of its tasks and resources).
pub(super) fn cycle_id(case: &Case, cycle: &[u32]) -> u64 {
    let look = case.look();
    let tasks = case.facts.tasks();
    let mut parts: Vec<[u64; 4]> = cycle
        .iter()
        .filter_map(|node| match case.task(*node) {
            Some(task) => Some([0, task.addr, task.start_ns.unwrap_or(0), 0]),
            None => {
                let resource = look.resources.get((*node - tasks) as usize)?;
                Some([
                    1 + resource.kind as u64,
                    resource.addr,
                    resource.pfn.unwrap_or(0),
                    resource.ino.unwrap_or(0),
                ])
            }
        })
        .collect();
    parts.sort_unstable();
    let bytes = parts.iter().flatten().flat_map(|part| part.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The reasons why some links prove nothing, each once.
pub(super) fn missing(case: &Case, links: &[Link]) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    let mut say = |reason: String| {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    };
    if case.waits.looks.len() < 2 {
        say("there was no second look".to_owned());
    }
    for link in links {
        let facts = case.resource(link);
        let resource = words::resource(facts);
        let name = |task: u32| case.task(task).map(words::task).unwrap_or_default();
        if link.wait.evidence == Evidence::Hint {
            let waiter = name(link.wait.task);
            say(format!("that {waiter} waits for {resource} is a guess"));
        }
        if link.holder.evidence == Evidence::Hint {
            let holder = name(link.holder.task);
            say(match table::is_lock(facts.kind) {
                true => format!("that {holder} holds {resource} is a guess"),
                false => format!("that {holder} has to act on {resource} is a guess"),
            });
        }
        if let Some(incomplete) = &facts.incomplete {
            say(format!(
                "{resource}: {}",
                crate::sample::sanitized(incomplete)
            ));
        }
        let stability = case.facts.stability;
        let is_unseen = stability.waits.get(link.at) == Some(&Same::NotKnown);
        if is_unseen && case.waits.looks.len() >= 2 {
            let waiter = name(link.wait.task);
            say(format!(
                "whether {waiter} ran between the looks is not known"
            ));
        }
    }
    if reasons.is_empty() {
        reasons.push("others that could act wait too, and some of that is a guess".to_owned());
    }
    reasons
}

/// Signals to members, each of which would unblock the whole cycle.
pub(super) fn breaks(case: &Case, nodes: &[u32], cycle: &[u32], in_cycle: &[Link]) -> Vec<Break> {
    let signal = |link: &Link| match link.wait.ends_on {
        EndsOn::AnySignal => Some(Signal::SigTerm),
        EndsOn::Kill => Some(Signal::SigKill),
        EndsOn::Nothing | EndsOn::Unknown => None,
    };
    let mut ways: Vec<(Signal, &Task, u32)> = in_cycle
        .iter()
        .filter_map(|link| Some((signal(link)?, case.task(link.wait.task)?, link.wait.task)))
        .filter(|(_, task, _)| !task.kernel_thread)
        .collect();
    ways.sort_by_key(|(signal, task, _)| (*signal, task.tid));
    if ways.is_empty() {
        return Vec::new();
    }
    let rests_on = rests_on(case, nodes);
    let part = case.graph.part(&rests_on);
    let reversed = part.reversed();
    let place = |node: u32| rests_on.iter().position(|one| *one == node);
    let cycle: Vec<usize> = cycle.iter().filter_map(|node| place(*node)).collect();
    let is_small = part.edges().count() <= MAX_TRIED_EDGES;
    ways.truncate(if is_small { MAX_BREAKS } else { 1 });
    ways.retain(|(_, _, node)| {
        let Some(node) = place(*node).and_then(|at| u32::try_from(at).ok()) else {
            return false;
        };
        let left = part.residue_after(&reversed, &[node]);
        cycle.iter().all(|at| !left[*at])
    });
    let mut breaks: Vec<Break> = Vec::new();
    for (signal, task, _) in ways {
        if breaks.iter().all(|one| one.pid != task.pid) {
            breaks.push(Break {
                pid: task.pid,
                comm: task.comm.clone(),
                signal,
            });
        }
    }
    breaks
}

/// The component, plus every stuck node that it depends on.
fn rests_on(case: &Case, nodes: &[u32]) -> Vec<u32> {
    let mut is_seen = vec![false; case.graph.len()];
    let mut all = nodes.to_vec();
    nodes.iter().for_each(|node| is_seen[*node as usize] = true);
    let mut at = 0;
    while let Some(node) = all.get(at) {
        at += 1;
        for to in case.graph.successors(*node).to_vec() {
            if case.residue[to as usize] && !is_seen[to as usize] {
                is_seen[to as usize] = true;
                all.push(to);
            }
        }
    }
    all
}

/// The time when a cycle closed: the start of the last of its waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closing {
    /// The time itself, if an event recorded the last wait, and all others surely began before.
    pub(super) at_ns: Option<u64>,
    /// The cycle closed later than this, as far as that is known.
    pub(super) after_ns: Option<u64>,
    /// The cycle closed no later than this.
    pub(super) before_ns: u64,
    /// The cycle closed before the first look, or may have.
    pub(super) is_preexisting: bool,
}

/// The time when all waits of some links had begun.
pub(super) fn closing(case: &Case, links: &[Link]) -> Closing {
    let traced_since_ns = case.waits.traced_since_ns;
    let after_ns = links.iter().filter_map(|link| began_ns(case, link)).max();
    let before_ns = links.iter().map(|link| begun_by_ns(case, link)).max();
    let before_ns = before_ns.unwrap_or(case.look().end_ns);
    let seen = links.iter().filter_map(|link| link.wait.since_ns).max();
    let at_ns = seen.filter(|seen_ns| *seen_ns >= before_ns);
    let is_preexisting = match (at_ns, traced_since_ns) {
        (Some(at_ns), Some(traced_since_ns)) => at_ns < traced_since_ns,
        (Some(_), None) => false,
        (None, since_ns) => since_ns
            .zip(after_ns)
            .is_none_or(|(since, after)| after < since),
    };
    Closing {
        at_ns,
        after_ns,
        before_ns,
        is_preexisting,
    }
}

/// Start of a wait, or the last time before it.
fn began_ns(case: &Case, link: &Link) -> Option<u64> {
    super::rules::began_ns(case.look(), link.wait)
}

/// Start of a wait, or a time by which it had begun.
fn begun_by_ns(case: &Case, link: &Link) -> u64 {
    let look_ns = case.look().end_ns;
    if let Some(since_ns) = link.wait.since_ns {
        return since_ns;
    }
    let slept_ns = case.task(link.wait.task).and_then(|task| task.slept_ns);
    // An event would have recorded the start of a wait for one of these.
    let is_traced = matches!(
        case.resource(link).kind,
        ResourceKind::Mutex | ResourceKind::Rwsem | ResourceKind::PercpuRwsem
    );
    let traced_since_ns = case.waits.traced_since_ns.filter(|_| is_traced);
    let bounds = [slept_ns, traced_since_ns, Some(look_ns)];
    bounds.into_iter().flatten().min().unwrap_or(look_ns)
}
