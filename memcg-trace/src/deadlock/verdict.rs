//! Verdicts: deadlocks, convoys and open ends.

use strum::{IntoStaticStr, VariantNames};

use super::graph::Needs;
use crate::sample::waits::{Evidence, Resource, Task};
use crate::sample::{Mode, Text};

/// The verdict on one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Deadlocks, those with the shortest cycle first.
    pub deadlocks: Vec<Deadlock>,
    /// Causes of the other long waits, the longest first.
    pub convoys: Vec<Convoy>,
    /// Number of convoys that the bounded list leaves out.
    pub convoys_omitted: u64,
    /// Waits that were old enough to be judged.
    pub judged_waits: u64,
    /// Rings of pipes and children alone, which are left to their programs.
    pub user_space_rings: u64,
    /// Long waits that are neither proven to last nor known to end.
    pub undecided_waits: u64,
    /// The ends of those waits, in a bounded list, those with the most waits first.
    pub open_ends: Vec<OpenEnd>,
}

/// An end of undecided waits: a resource of which it is not known who can release it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenEnd {
    /// The resource, without its holders.
    pub resource: Resource,
    /// One task that waits for the resource.
    pub waiter: Option<Task>,
    /// The function in which `waiter` waits.
    pub function: Option<String>,
    /// Why the end is open, in one line.
    pub why: String,
    /// Number of long waits that lead to the resource.
    pub waits: u64,
    /// The longest of these waits; `None` where no start is known.
    pub max_wait_ns: Option<u64>,
}

/// Certainty of a deadlock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum State {
    /// Proven: no part of the deadlock is a guess, and both looks saw all of it.
    Confirmed,
    /// Not proven; [`Deadlock::missing`] says what the proof lacks.
    Suspected,
    /// Confirmed before, and gone now.
    Resolved,
}

/// Tasks that wait for each other for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadlock {
    /// Identity of the cycle: stays the same as long as the cycle stands.
    pub cycle_id: u64,
    /// Certainty of the deadlock.
    pub state: State,
    /// Events were lost during the search.
    pub is_lossy: bool,
    /// The deadlock existed before the first look: only bounds of its start are known.
    pub is_preexisting: bool,
    /// The deadlock in one sentence, for a bug report.
    pub sentence: String,
    /// The tasks: those of the shortest cycle in its order, then the others.
    pub members: Vec<Task>,
    /// Waits among the members: first the shortest cycle in its order.
    pub edges: Vec<Edge>,
    /// How many of `edges` belong to the shortest cycle.
    pub cycle_edges: usize,
    /// Number of edges that the bounded list leaves out.
    pub edges_omitted: u64,
    /// Tasks that wait for the members, and are in no cycle themselves.
    pub victims: Vec<Task>,
    /// Number of victims that the bounded list leaves out.
    pub victims_omitted: u64,
    /// Gaps of the proof, each in one line.
    pub missing: Vec<String>,
    /// Signals, each of which would break the deadlock.
    pub breakable_by: Vec<Break>,
    /// Start of the last wait of the shortest cycle, if an event recorded it and the others surely
    /// began before.
    pub close_ns: Option<u64>,
    /// The cycle closed later than this, where that is known.
    pub close_after_ns: Option<u64>,
    /// The cycle had closed by then.
    pub close_before_ns: u64,
    /// Time when the deadlock was first a candidate.
    pub candidate_ns: u64,
    /// Time when the deadlock was confirmed.
    pub confirmed_ns: Option<u64>,
}

/// A wait of one member for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The waiter: an index into [`Deadlock::members`].
    pub from: usize,
    /// The holder: an index into [`Deadlock::members`].
    pub to: usize,
    /// The resource, without its holders.
    pub resource: Resource,
    /// How `from` wants the resource.
    pub mode: Mode,
    /// How `to` holds the resource.
    pub held: Mode,
    /// Whether all holders must act, or any one may.
    pub needs: Needs,
    /// The weaker evidence: that of the wait or that of the holder.
    pub evidence: Evidence,
    /// Start of the wait, CLOCK_MONOTONIC.
    pub since_ns: Option<u64>,
    /// `from` does not sleep, but tries again and again.
    pub is_retry: bool,
    /// Number of tries that were seen.
    pub tries_total: Option<u64>,
    /// The function in which `from` waits.
    pub function: Option<String>,
    /// Stack of `from`, innermost first; empty if the stack is not known.
    pub stack: Vec<String>,
}

/// A resource without its holders.
pub(super) fn bare(resource: &Resource) -> Resource {
    Resource {
        holders: Vec::new(),
        name: resource.name.clone(),
        of: resource.of.clone(),
        kept_by: resource.kept_by.clone(),
        incomplete: resource.incomplete.clone(),
        ..*resource
    }
}

/// A signal that ends a process; the milder one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "UPPERCASE")]
pub enum Signal {
    SigTerm,
    SigKill,
}

/// A signal that would break a deadlock. Advice only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The process that the signal would go to.
    pub pid: u32,
    /// Name of the process.
    pub comm: Text,
    /// The signal.
    pub signal: Signal,
}

/// Cause of a long wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Cause {
    /// The root is a deadlock.
    Deadlock,
    /// No task exists that could end the wait.
    Orphaned,
    /// The task that could end the wait is blocked itself.
    StuckHolder,
    /// The task that could end the wait makes progress, slowly.
    Slow,
    /// The cause could not be found.
    Unknown,
}

impl Cause {
    /// The cause as records have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Waits that all have one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Convoy {
    /// The task that would have to act first; `None` where there is none.
    pub root: Option<Task>,
    /// The resource that `root` holds, without its holders.
    pub resource: Resource,
    /// Why the waits last.
    pub cause: Cause,
    /// The reason, in one line.
    pub why: String,
    /// Number of tasks that wait, one behind the other or side by side.
    pub waiters: u64,
    /// The longest of the waits; `None` where no start is known.
    pub max_wait_ns: Option<u64>,
    /// Stack of `root`, innermost first; empty if the stack is not known.
    pub stack: Vec<String>,
}
