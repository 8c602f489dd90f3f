//! A span of a task: a wait, a hold, reclaim, a run of a shrinker.

/// The kind of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Reclaim, or a sleep over `memory.high`.
    Reclaim,
    /// A run of a shrinker.
    Shrinker,
    /// A wait for a lock, as events saw it begin.
    LockWait,
    /// A wait that a scan of all tasks found.
    Wait,
    /// A hold of a lock.
    Hold,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [
        Self::Reclaim,
        Self::Shrinker,
        Self::LockWait,
        Self::Wait,
        Self::Hold,
    ];

    /// The category of its events.
    pub(super) fn category(self) -> &'static str {
        match self {
            Self::Reclaim => "reclaim",
            Self::Shrinker => "shrinker",
            Self::LockWait | Self::Wait => "wait",
            Self::Hold => "hold",
        }
    }

    /// Returns whether spans of one task nest: a task waits within reclaim, but releases locks in any order.
    pub(super) fn nests(self) -> bool {
        self != Self::Hold
    }
}

/// The identity of a span among those of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) tid: u32,
    pub(super) begin_ns: u64,
    /// An address, or another number of what it is about.
    pub(super) object: u64,
}

/// A span, from its beginning until it was last seen in progress.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) kind: Kind,
    pub(super) id: Id,
    pub(super) pid: u32,
    pub(super) comm: String,
    pub(super) name: String,
    /// More about it, by name.
    pub(super) more: Vec<(&'static str, String)>,
    pub(super) end_ns: u64,
    /// The sample in which it was no longer in progress; `None` if there is none.
    pub(super) gone_by_ns: Option<u64>,
}
