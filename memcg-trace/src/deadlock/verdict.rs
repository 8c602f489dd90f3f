//! What is found: deadlocks and convoys.

use super::graph::Needs;
use crate::sample::waits::{Evidence, Resource, Task};
use crate::sample::{Mode, Text};

/// What follows from one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Deadlocks, those with the shortest cycle first.
    pub deadlocks: Vec<Deadlock>,
    /// Why the other long waits last, the longest first.
    pub convoys: Vec<Convoy>,
    /// Convoys that are not in the list, for it is bounded.
    pub convoys_omitted: u64,
    /// Waits that were old enough to be judged.
    pub judged_waits: u64,
    /// Rings of pipes and children alone, which are left to their programs.
    pub user_space_rings: u64,
    /// Long waits that are neither proven to last nor known to end.
    pub undecided_waits: u64,
    /// Where those end, for the list is bounded: those with the most waits first.
    pub open_ends: Vec<OpenEnd>,
}

/// What waits lead to of which it is not known who ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenEnd {
    /// What is waited for there; without its holders.
    pub resource: Resource,
    /// One task that waits for it.
    pub waiter: Option<Task>,
    /// The function in which it waits.
    pub function: Option<String>,
    /// Why it is open, in one line.
    pub why: String,
    /// How many long waits lead there.
    pub waits: u64,
    /// The longest of them; `None` where no begin is known.
    pub max_wait_ns: Option<u64>,
}

/// How sure a deadlock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Proven: no part of it is a guess, and both looks saw all of it.
    Confirmed,
    /// It may be; [`Deadlock::missing`] says what the proof lacks.
    Suspected,
    /// It was confirmed, and is gone.
    Resolved,
}

/// Tasks that wait for each other for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadlock {
    /// The same for the same cycle, as long as it stands.
    pub cycle_id: u64,
    /// How sure it is.
    pub state: State,
    /// Something was lost while it was looked for.
    pub is_lossy: bool,
    /// It was there before anybody looked: nothing is known of when it closed but bounds.
    pub is_preexisting: bool,
    /// What it is, for a bug report.
    pub sentence: String,
    /// The tasks: those of the shortest cycle in its order, then the others.
    pub members: Vec<Task>,
    /// Who waits for whom among the members: first the shortest cycle in its order.
    pub edges: Vec<Edge>,
    /// How many of `edges` are the shortest cycle.
    pub cycle_edges: usize,
    /// Further edges, which are not in the list, for it is bounded.
    pub edges_omitted: u64,
    /// Tasks that wait for the members, and are in no cycle themselves.
    pub victims: Vec<Task>,
    /// Victims that are not in the list, for it is bounded.
    pub victims_omitted: u64,
    /// What keeps it from being confirmed.
    pub missing: Vec<String>,
    /// Signals, each of which would break it.
    pub breakable_by: Vec<Break>,
    /// When the last wait of the shortest cycle began, if it was seen to, and the others surely
    /// began before.
    pub close_ns: Option<u64>,
    /// It closed later than this, where that is known.
    pub close_after_ns: Option<u64>,
    /// It had closed by then.
    pub close_before_ns: u64,
    /// When it was first a candidate.
    pub candidate_ns: u64,
    /// When it was confirmed.
    pub confirmed_ns: Option<u64>,
}

/// A wait of one member for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Who waits: a place in [`Deadlock::members`].
    pub from: usize,
    /// For whom: likewise.
    pub to: usize,
    /// By what; its holders are left out.
    pub resource: Resource,
    /// How it is wanted.
    pub mode: Mode,
    /// How `to` holds it.
    pub held: Mode,
    /// Whether all holders must act, or any may.
    pub needs: Needs,
    /// The weaker of how the wait and how the holder is known.
    pub evidence: Evidence,
    /// Since when, CLOCK_MONOTONIC.
    pub since_ns: Option<u64>,
    /// It is tried again and again.
    pub is_retry: bool,
    /// How often that was seen.
    pub tries_total: Option<u64>,
    /// The function in which `from` waits.
    pub function: Option<String>,
    /// Stack of `from`, innermost first; empty if it is not known.
    pub stack: Vec<String>,
}

/// What is waited for, without its holders.
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

/// A signal that would break a deadlock. Advice only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// To which process.
    pub pid: u32,
    /// Its name.
    pub comm: Text,
    /// `SIGTERM` or `SIGKILL`.
    pub signal: &'static str,
}

/// Why a wait lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Its root is a deadlock.
    Deadlock,
    /// Nobody is there who could end it.
    Orphaned,
    /// Who could end it is held up himself.
    StuckHolder,
    /// Who could end it goes on, slowly.
    Slow,
    /// That could not be told.
    Unknown,
}

impl Cause {
    /// As it is written in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deadlock => "deadlock",
            Self::Orphaned => "orphaned",
            Self::StuckHolder => "stuck_holder",
            Self::Slow => "slow",
            Self::Unknown => "unknown",
        }
    }
}

/// Waits that all have one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Convoy {
    /// The task that would have to act first; `None` where there is none.
    pub root: Option<Task>,
    /// What it holds; without its holders.
    pub resource: Resource,
    /// Why they last.
    pub cause: Cause,
    /// The reason, in one line.
    pub why: String,
    /// How many tasks wait, one behind the other or side by side.
    pub waiters: u64,
    /// The longest of the waits; `None` where no begin is known.
    pub max_wait_ns: Option<u64>,
    /// The root's stack, innermost first; empty if it is not known.
    pub stack: Vec<String>,
}
