//! A timeline: steps in order, each with its time, its cause and how it is known.

use std::sync::Arc;

use strum::{IntoStaticStr, VariantNames};

use crate::model::snapshot::{Evidence, MemcgId};
use crate::sample::pins::PinKind;
use crate::sample::waits::{Resource, Task};

/// The answer about a memory cgroup or a task.
#[derive(Clone, Debug, Default)]
pub struct Why {
    /// The memory cgroup that it is about; for a task, the one that it is in.
    pub memcg: Option<Arc<MemcgId>>,
    /// The task that it is about.
    pub task: Option<Task>,
    /// The cause in one line.
    pub sentence: String,
    /// The steps: first what is over, then what is in progress with its causes, then what is to
    /// come.
    pub steps: Vec<Step>,
    /// Other dead memory cgroups of the same path.
    pub others: u64,
}

/// A step of a timeline.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// What it is.
    pub what: What,
    /// Whether it is over.
    pub state: State,
    /// Its time.
    pub when: When,
    /// How far it is from the removal or the task: a cause is one deeper than its effect.
    pub depth: u32,
    /// All of it in one line.
    pub text: String,
    /// The task that it is about.
    pub task: Option<Task>,
    /// The memory cgroup that it is about: of the task, or the one that a limit is of.
    pub memcg: Option<Arc<MemcgId>>,
    /// The kind of a pin.
    pub pin: Option<PinKind>,
    /// The resource that is waited for.
    pub resource: Option<Resource>,
    /// The evidence for a wait.
    pub evidence: Option<Evidence>,
    /// Where the task is, innermost function first; empty where that is not known.
    pub stack: Vec<String>,
}

/// The kind of a step.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, VariantNames,
)]
#[strum(serialize_all = "snake_case")]
pub enum What {
    /// The memory cgroup is alive.
    Alive,
    /// A task is in `rmdir(2)`.
    Rmdir,
    /// The directory was removed.
    Removed,
    /// The last tasks leave (7.x).
    Drained,
    /// The kill of the reference count is confirmed.
    KillConfirmed,
    /// The memory cgroup goes offline.
    Offline,
    /// The work item that does that.
    Work,
    /// References of one kind.
    Pin,
    /// References that nothing explains, or that could not be looked at.
    Unexplained,
    /// The memory cgroup is released.
    Released,
    /// The state of a task.
    Task,
    /// A task waits.
    Wait,
    /// A task reclaims memory because of a limit.
    Limit,
    /// A task is in a shrinker.
    Shrinker,
    /// The last cause that is known.
    Root,
    /// Tasks that wait for each other.
    Deadlock,
    /// Something that is not known.
    #[default]
    NotKnown,
}

/// Whether a step is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum State {
    /// It is over.
    Done,
    /// It is in progress, or is a cause of what is.
    Now,
    /// It is to come.
    ToCome,
    /// That is not known.
    #[default]
    NotKnown,
}

/// The time of a step, CLOCK_MONOTONIC; `None` where it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// The time itself, as an event told it.
    pub at_ns: Option<u64>,
    /// It was later than this.
    pub after_ns: Option<u64>,
    /// It was not later than this.
    pub before_ns: Option<u64>,
    /// How long it has been in progress.
    pub for_ns: Option<u64>,
}

impl When {
    /// Returns whether nothing is known of it.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// Something that has been in progress for so long.
    pub(super) fn lasting(for_ns: Option<u64>) -> Self {
        Self {
            for_ns,
            ..Self::default()
        }
    }
}

impl Step {
    /// A step of a removal or task itself.
    pub(super) fn new(what: What, state: State, text: impl Into<String>) -> Self {
        Self {
            what,
            state,
            text: text.into(),
            ..Self::default()
        }
    }

    /// Something that is not known.
    pub(super) fn unknown(depth: u32, text: impl Into<String>) -> Self {
        Self {
            depth,
            ..Self::new(What::NotKnown, State::NotKnown, text)
        }
    }

    pub(super) fn deep(self, depth: u32) -> Self {
        Self { depth, ..self }
    }

    pub(super) fn when(self, when: When) -> Self {
        Self { when, ..self }
    }
}
