//! Records of deadlocks, of undecided waits, and of convoys.

use std::borrow::Cow;

use strum::{IntoStaticStr, VariantNames};

use super::MemcgName;
use super::waits::{Resource, Task, stack};
use crate::deadlock::graph::Needs;
use crate::deadlock::{self, Cause, Signal, State, words};
use crate::model::snapshot;
use crate::output::figures::{Word, record};
use crate::sample::waits::{Evidence, Task as Fact};
use crate::sample::{Mode, sanitized};

record! {
    /// Tasks that wait for each other for ever.
    pub struct Deadlock<'a> {
        /// Id of the deadlock, equal for the same tasks and locks.
        cycle_id: String,
        /// Whether it is proven, and still there.
        state: Word<State>,
        /// Whether events were lost that it may depend on.
        confidence: Word<Confidence>,
        /// Whether it was there when the run began.
        preexisting: bool,
        /// The deadlock in one sentence.
        sentence: &'a str,
        /// Tasks of the cycle.
        members: Vec<Task<'a>>,
        /// Waits between the tasks.
        edges: Vec<Edge<'a>>,
        /// Tasks that wait for a member.
        victims: Vec<Task<'a>>,
        /// What is not known, and would prove it.
        missing: &'a [String],
        /// Processes whose death by a signal would end the deadlock.
        breakable_by: Vec<Break<'a>>,
        /// When the last wait of the cycle began, CLOCK_MONOTONIC.
        close_ns: Option<u64>,
        /// When it was seen first.
        candidate_ns: u64,
        /// When it was proven.
        confirmed_ns: Option<u64>,
        /// Dead memory cgroups that cannot go because of it.
        blocked_zombies: Vec<MemcgName<'a>>,
        /// Edges that are not listed.
        edges_omitted: u64,
        /// Tasks behind it that are not listed.
        victims_omitted: u64,
        /// The cycle closed after this, if `close_ns` is not known.
        close_after_ns: Option<u64>,
        /// The cycle closed before this.
        close_before_ns: u64,
        /// When it was seen to be gone.
        resolved_ns: Option<u64>,
    }
}

/// Whether events were lost.
#[derive(Clone, Copy, Debug, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
enum Confidence {
    Full,
    Lossy,
}

record! {
    /// A wait of one task for another.
    struct Edge<'a> {
        /// `tid` of the waiter.
        from: u32,
        /// `tid` of who has to act.
        to: u32,
        /// What the task waits for.
        resource: Resource<'a>,
        /// Mode in which the task wants it.
        mode: Word<Mode>,
        /// `and`: all edges of the task must go; `or`: one.
        semantics: Word<Needs>,
        /// The evidence for it.
        evidence: Word<Evidence>,
        /// When the wait began, CLOCK_MONOTONIC.
        since_ns: Option<u64>,
        /// Where it waits, innermost function first.
        stack: Option<Vec<Cow<'a, str>>>,
        /// Mode in which it is held.
        held: Word<Mode>,
        /// Whether the task tries again and again.
        retry: bool,
        /// How often it tried.
        tries_total: Option<u64>,
        /// The function that waits.
        function: Option<Cow<'a, str>>,
    }
}

record! {
    /// A process that a signal takes out of the cycle.
    struct Break<'a> {
        /// Process id.
        pid: u32,
        /// The signal.
        signal: Word<Signal>,
        /// Name of the process.
        comm: Cow<'a, str>,
    }
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
            mode: Word(edge.mode),
            held: Word(edge.held),
            semantics: Word(edge.needs),
            evidence: Word(edge.evidence),
            since_ns: edge.since_ns,
            retry: edge.is_retry,
            tries_total: edge.tries_total,
            function: edge.function.as_deref().map(sanitized),
            stack: stack(&edge.stack),
        };
        let breaks = found.breakable_by.iter().map(|one| Break {
            pid: one.pid,
            comm: one.comm.display(),
            signal: Word(one.signal),
        });
        let blocked = deadlock.blocked_zombies.iter();
        Self {
            cycle_id: format!("{:016x}", found.cycle_id),
            state: Word(found.state),
            confidence: Word(match found.is_lossy {
                true => Confidence::Lossy,
                false => Confidence::Full,
            }),
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

record! {
    /// Waits that all have one root.
    pub struct Convoy<'a> {
        /// The task that all wait for; null if it is no task.
        root: Option<Task<'a>>,
        /// The task that would have to act first; `no task` if no task is left that could end the wait.
        @column root_task: Option<String> => "ROOT",
        /// What they wait for.
        resource: Resource<'a>,
        /// What the root has that they wait for.
        @column holds: String => "HOLDS",
        /// Cause of the waits.
        verdict: Word<Cause> => "VERDICT",
        /// Why, in one sentence.
        why: &'a str => "WHY",
        /// Tasks that wait, directly or not.
        waiters: u64 => "WAITERS",
        /// The longest wait.
        max_wait_ns: Option<u64> => "LONGEST",
        /// Where the root is, innermost function first.
        stack: Option<Vec<Cow<'a, str>>>,
    }
}

impl<'a> From<&'a snapshot::Convoy> for Convoy<'a> {
    fn from(convoy: &'a snapshot::Convoy) -> Self {
        let found = &convoy.found;
        let root = found.root.as_ref();
        Self {
            root: root.map(|task| Task::of(task, convoy.memcg.as_deref())),
            root_task: match found.cause {
                Cause::Orphaned if root.is_none() => Some("no task".to_owned()),
                _ => root.map(words::task),
            },
            resource: Resource::of(&found.resource),
            holds: words::resource(&found.resource),
            verdict: Word(found.cause),
            why: &found.why,
            waiters: found.waiters,
            max_wait_ns: found.max_wait_ns,
            stack: stack(&found.stack),
        }
    }
}

record! {
    /// A place where long waits end, with no known task that could end them.
    pub struct OpenEnd<'a> {
        /// What is waited for.
        resource: Resource<'a>,
        /// The function that waits.
        function: Option<Cow<'a, str>>,
        /// One of the tasks that wait.
        waiter: Option<Task<'a>>,
        /// Why no such task is known.
        why: Cow<'a, str>,
        /// Waits that lead here.
        waits: u64,
        /// The longest wait.
        max_wait_ns: Option<u64>,
    }
}

impl<'a> From<&'a deadlock::OpenEnd> for OpenEnd<'a> {
    fn from(end: &'a deadlock::OpenEnd) -> Self {
        Self {
            resource: Resource::of(&end.resource),
            function: end.function.as_deref().map(sanitized),
            waiter: end.waiter.as_ref().map(|task| Task::of(task, None)),
            why: sanitized(&end.why),
            waits: end.waits,
            max_wait_ns: end.max_wait_ns,
        }
    }
}
