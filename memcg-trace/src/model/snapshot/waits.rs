//! Waits, deadlocks and convoys.

use std::collections::BTreeMap;
use std::sync::Arc;

use strum::{IntoStaticStr, VariantNames};

use super::MemcgId;
use crate::deadlock;
use crate::sample::waits::{self as facts, Holder, NotChecked, Resource, Task, Waits};

/// A deadlock: confirmed, suspected or resolved.
#[derive(Clone, Debug)]
pub struct Deadlock {
    /// The deadlock as found. Its times are of the first answer that had it.
    pub found: Arc<deadlock::Deadlock>,
    /// Grows with every change that is worth a record, over all deadlocks.
    pub revision: u64,
    /// When it was found resolved, CLOCK_MONOTONIC.
    pub resolved_ns: Option<u64>,
    /// Memcgs of its members and victims, by serial number.
    pub memcgs: BTreeMap<u64, Arc<MemcgId>>,
    /// Zombies that cannot make progress while it lasts.
    pub blocked_zombies: Vec<Arc<MemcgId>>,
}

impl Deadlock {
    /// Returns whether it is confirmed and not resolved.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.found.state == deadlock::State::Confirmed
    }
}

/// Waits with one root.
#[derive(Clone, Debug)]
pub struct Convoy {
    /// The convoy as found.
    pub found: deadlock::Convoy,
    /// The root's memcg.
    pub memcg: Option<Arc<MemcgId>>,
}

/// A wait that a scan of the tasks found.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The answer that it is in; it is of the first scan there.
    pub answer: Arc<Waits>,
    /// Its index there.
    pub at: usize,
    /// Its task's memcg.
    pub memcg: Option<Arc<MemcgId>>,
    /// The duration so far, as of the end of the answer: since the start of the wait, where an
    /// event saw that, else since its task last got a CPU.
    pub waited_ns: Option<u64>,
}

impl Wait {
    fn look(&self) -> Option<&facts::TaskScan> {
        self.answer.looks.first()
    }

    /// Returns the wait itself.
    #[must_use]
    pub fn fact(&self) -> Option<&facts::Wait> {
        self.look()?.waits.get(self.at)
    }

    /// Returns the waiter.
    #[must_use]
    pub fn task(&self) -> Option<&Task> {
        self.look()?.tasks.get(self.fact()?.task as usize)
    }

    /// Returns the resource that it waits for.
    #[must_use]
    pub fn resource(&self) -> Option<&Resource> {
        let resource = self.fact()?.resource as usize;
        self.look()?.resources.get(resource)
    }

    /// Returns the tasks that must act.
    pub fn holders(&self) -> impl Iterator<Item = (&Holder, &Task)> {
        let holders = self.resource().into_iter().flat_map(|one| &one.holders);
        holders.filter_map(|holder| {
            let task = self.look()?.tasks.get(holder.task as usize)?;
            Some((holder, task))
        })
    }

    /// Returns the stack, innermost first; empty if it is not known.
    #[must_use]
    pub fn stack(&self) -> &[String] {
        let stack = self.task().and_then(|task| task.stack);
        let stack = stack.and_then(|stack| self.answer.stacks.get(stack as usize));
        stack.map(Vec::as_slice).unwrap_or_default()
    }
}

/// The scan of an answer, and its outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// The end of the last scan.
    pub as_of_ns: u64,
    /// Tasks that were read.
    pub visited_tasks: u64,
    /// The number of scans.
    pub looks: u64,
    /// Waits that were old enough to be judged.
    pub judged_waits: u64,
    /// Convoys that are not listed, for the list is bounded.
    pub convoys_omitted: u64,
    /// The least age of judged waits.
    pub min_wait_ns: u64,
    /// Rings of only pipes and children, which are left to their programs.
    pub user_space_rings: u64,
    /// Things that could not be read.
    pub not_checked: Vec<NotChecked>,
    /// The outcome.
    pub outcome: Outcome,
    /// Long waits that are neither proven to last nor known to end.
    pub undecided_waits: u64,
    /// The ends of the undecided waits.
    pub open_ends: Vec<deadlock::OpenEnd>,
    /// The answer itself.
    pub answer: Arc<Waits>,
}

/// The outcome: a deadlock, none, or undecided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// At least one deadlock is confirmed.
    Deadlock,
    /// No deadlock is confirmed, but one is suspected, or something could not be read, or long
    /// waits end in a task or resource whose holder is not known.
    #[default]
    Undecided,
    /// There is no deadlock: the holders of each long wait are known, and can make progress.
    NoDeadlock,
}

impl Outcome {
    /// Returns the name in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
