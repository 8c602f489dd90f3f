//! Records of deadlocks, of waits that are undecided, and of convoys.

use std::borrow::Cow;

use serde::Serialize;

use super::MemcgName;
use super::waits::{Resource, Task, stack};
use crate::deadlock::graph::Needs;
use crate::deadlock::{self, State};
use crate::model::snapshot;
use crate::output::names;
use crate::sample::waits::Task as Fact;
use crate::sample::{Mode, tame};

/// Tasks that wait for each other for ever.
#[derive(Debug, Serialize)]
pub struct Deadlock<'a> {
    cycle_id: String,
    state: &'static str,
    confidence: &'static str,
    preexisting: bool,
    sentence: &'a str,
    members: Vec<Task<'a>>,
    edges: Vec<Edge<'a>>,
    victims: Vec<Task<'a>>,
    missing: &'a [String],
    breakable_by: Vec<Break<'a>>,
    close_ns: Option<u64>,
    candidate_ns: u64,
    confirmed_ns: Option<u64>,
    blocked_zombies: Vec<MemcgName<'a>>,
    edges_omitted: u64,
    victims_omitted: u64,
    close_after_ns: Option<u64>,
    close_before_ns: u64,
    resolved_ns: Option<u64>,
}

/// Who waits for whom, by their `tid`.
#[derive(Debug, Serialize)]
struct Edge<'a> {
    from: u32,
    to: u32,
    resource: Resource<'a>,
    mode: Mode,
    semantics: &'static str,
    evidence: &'static str,
    since_ns: Option<u64>,
    stack: Option<Vec<Cow<'a, str>>>,
    held: Mode,
    retry: bool,
    tries_total: Option<u64>,
    function: Option<Cow<'a, str>>,
}

#[derive(Debug, Serialize)]
struct Break<'a> {
    pid: u32,
    signal: &'static str,
    comm: Cow<'a, str>,
}

impl<'a> From<&'a snapshot::Deadlock> for Deadlock<'a> {
    fn from(deadlock: &'a snapshot::Deadlock) -> Self {
        let found = &*deadlock.found;
        let memcg = |task: &Fact| {
            let serial_nr = task.memcg_serial_nr?;
            deadlock.memcgs.get(&serial_nr).map(|id| &**id)
        };
        let task = |task: &'a Fact| Task::of(task, memcg(task));
        let tid = |at: usize| found.members.get(at).map_or(0, |task| task.tid);
        let edge = |edge: &'a deadlock::Edge| Edge {
            from: tid(edge.from),
            to: tid(edge.to),
            resource: Resource::of(&edge.resource),
            mode: edge.mode,
            held: edge.held,
            semantics: match edge.needs {
                Needs::All => "and",
                Needs::Any => "or",
            },
            evidence: names::evidence(edge.evidence),
            since_ns: edge.since_ns,
            retry: edge.is_retry,
            tries_total: edge.tries_total,
            function: edge.function.as_deref().map(tame),
            stack: stack(&edge.stack),
        };
        let breaks = found.breakable_by.iter().map(|one| Break {
            pid: one.pid,
            comm: one.comm.display(),
            signal: one.signal,
        });
        let blocked = deadlock.blocked_zombies.iter();
        Self {
            cycle_id: format!("{:016x}", found.cycle_id),
            state: match found.state {
                State::Confirmed => "confirmed",
                State::Suspected => "suspected",
                State::Resolved => "resolved",
            },
            confidence: if found.is_lossy { "lossy" } else { "full" },
            preexisting: found.is_preexisting,
            sentence: &found.sentence,
            members: found.members.iter().map(task).collect(),
            edges: found.edges.iter().map(edge).collect(),
            edges_omitted: found.edges_omitted,
            victims: found.victims.iter().map(task).collect(),
            victims_omitted: found.victims_omitted,
            missing: &found.missing,
            breakable_by: breaks.collect(),
            close_ns: found.close_ns,
            close_after_ns: found.close_after_ns,
            close_before_ns: found.close_before_ns,
            candidate_ns: found.candidate_ns,
            confirmed_ns: found.confirmed_ns,
            resolved_ns: deadlock.resolved_ns,
            blocked_zombies: blocked.map(|id| MemcgName::of(Some(id))).collect(),
        }
    }
}

/// Waits that all have one root.
#[derive(Debug, Serialize)]
pub struct Convoy<'a> {
    root: Option<Task<'a>>,
    resource: Resource<'a>,
    verdict: &'static str,
    why: &'a str,
    waiters: u64,
    max_wait_ns: Option<u64>,
    stack: Option<Vec<Cow<'a, str>>>,
}

impl<'a> From<&'a snapshot::Convoy> for Convoy<'a> {
    fn from(convoy: &'a snapshot::Convoy) -> Self {
        let found = &convoy.found;
        let root = found.root.as_ref();
        Self {
            root: root.map(|task| Task::of(task, convoy.memcg.as_deref())),
            resource: Resource::of(&found.resource),
            verdict: found.cause.as_str(),
            why: &found.why,
            waiters: found.waiters,
            max_wait_ns: found.max_wait_ns,
            stack: stack(&found.stack),
        }
    }
}

/// What long waits lead to of which it is not known who ends it.
#[derive(Debug, Serialize)]
pub struct OpenEnd<'a> {
    resource: Resource<'a>,
    function: Option<Cow<'a, str>>,
    waiter: Option<Task<'a>>,
    why: Cow<'a, str>,
    waits: u64,
    max_wait_ns: Option<u64>,
}

impl<'a> From<&'a deadlock::OpenEnd> for OpenEnd<'a> {
    fn from(end: &'a deadlock::OpenEnd) -> Self {
        Self {
            resource: Resource::of(&end.resource),
            function: end.function.as_deref().map(tame),
            waiter: end.waiter.as_ref().map(|task| Task::of(task, None)),
            why: tame(&end.why),
            waits: end.waits,
            max_wait_ns: end.max_wait_ns,
        }
    }
}
