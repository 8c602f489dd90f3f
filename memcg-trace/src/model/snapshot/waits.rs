//! Who waits for whom, and who for ever.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::MemcgId;
use crate::deadlock;
use crate::sample::waits::{self as facts, Holder, NotChecked, Resource, Task, Waits};

/// A deadlock: it stands, it is suspected, or it is gone.
#[derive(Clone, Debug)]
pub struct Deadlock {
    /// What was found. Its times are those of when it was first found.
    pub found: Arc<deadlock::Deadlock>,
    /// Grows with every change that is worth a record, over all deadlocks.
    pub revision: u64,
    /// When it was found to be gone, CLOCK_MONOTONIC.
    pub resolved_ns: Option<u64>,
    /// Memcgs of its members and victims, by serial number.
    pub memcgs: BTreeMap<u64, Arc<MemcgId>>,
    /// Zombies that cannot go on while it lasts.
    pub blocked_zombies: Vec<Arc<MemcgId>>,
}

impl Deadlock {
    /// Whether it is proven and stands.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.found.state == deadlock::State::Confirmed
    }
}

/// Waits with one root.
#[derive(Clone, Debug)]
pub struct Convoy {
    /// What was found.
    pub found: deadlock::Convoy,
    /// The root's memcg.
    pub memcg: Option<Arc<MemcgId>>,
}

/// A wait that was found by looking at the tasks.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The answer that it is in: its first look, and all stacks.
    pub answer: Arc<Waits>,
    /// Its place there.
    pub at: usize,
    /// Its task's memcg.
    pub memcg: Option<Arc<MemcgId>>,
    /// How long, as of the end of the answer: since it was seen to begin, else since its task
    /// last got a CPU.
    pub waited_ns: Option<u64>,
}

impl Wait {
    fn look(&self) -> Option<&facts::Look> {
        self.answer.looks.first()
    }

    /// The wait itself.
    #[must_use]
    pub fn fact(&self) -> Option<&facts::Wait> {
        self.look()?.waits.get(self.at)
    }

    /// Who waits.
    #[must_use]
    pub fn task(&self) -> Option<&Task> {
        self.look()?.tasks.get(self.fact()?.task as usize)
    }

    /// For what.
    #[must_use]
    pub fn resource(&self) -> Option<&Resource> {
        let resource = self.fact()?.resource as usize;
        self.look()?.resources.get(resource)
    }

    /// Who must act.
    pub fn holders(&self) -> impl Iterator<Item = (&Holder, &Task)> {
        let holders = self.resource().into_iter().flat_map(|one| &one.holders);
        holders.filter_map(|holder| {
            let task = self.look()?.tasks.get(holder.task as usize)?;
            Some((holder, task))
        })
    }

    /// The stack, innermost first; empty if it is not known.
    #[must_use]
    pub fn stack(&self) -> &[String] {
        let stack = self.task().and_then(|task| task.stack);
        let stack = stack.and_then(|stack| self.answer.stacks.get(stack as usize));
        stack.map(Vec::as_slice).unwrap_or_default()
    }
}

/// How it was found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// When the last look ended.
    pub as_of_ns: u64,
    /// Tasks that were looked at.
    pub visited_tasks: u64,
    /// How many looks there were.
    pub looks: u64,
    /// Waits that were old enough to be judged.
    pub judged_waits: u64,
    /// Convoys that are not listed, for the list is bounded.
    pub convoys_omitted: u64,
    /// How old that is.
    pub min_wait_ns: u64,
    /// Rings of pipes and children alone, which are left to their programs.
    pub user_space_rings: u64,
    /// What could not be looked at.
    pub not_checked: Vec<NotChecked>,
    /// What follows from all of it.
    pub outcome: Outcome,
    /// Long waits that are neither proven to last nor known to end.
    pub undecided_waits: u64,
    /// Where those end.
    pub open_ends: Vec<deadlock::OpenEnd>,
}

/// What the waits amount to: a deadlock, none, or undecided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// There is one that is proven.
    Deadlock,
    /// None is proven, but one is suspected, or not everything could be looked at, or long waits
    /// end where nobody is known who could act.
    #[default]
    Undecided,
    /// There is none: whoever must act for each long wait is known, and can.
    NoDeadlock,
}

impl Outcome {
    /// As it is written in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deadlock => "deadlock",
            Self::Undecided => "undecided",
            Self::NoDeadlock => "no_deadlock",
        }
    }
}
