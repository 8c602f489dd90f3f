//! The tabs of the screen.

use super::{findings, locks, memcgs, reclaim, shrinkers, slab, zombies};

/// A tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Memcgs,
    Zombies,
    Slab,
    Shrinkers,
    Reclaim,
    Locks,
    Findings,
}

impl Tab {
    pub(super) const ALL: [Self; 7] = [
        Self::Memcgs,
        Self::Zombies,
        Self::Slab,
        Self::Shrinkers,
        Self::Reclaim,
        Self::Locks,
        Self::Findings,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Memcgs => "memcgs",
            Self::Zombies => "zombies",
            Self::Slab => "slab",
            Self::Shrinkers => "shrinkers",
            Self::Reclaim => "reclaim",
            Self::Locks => "locks",
            Self::Findings => "findings",
        }
    }

    pub(super) fn column_count(self) -> usize {
        match self {
            Self::Memcgs => memcgs::COLUMNS.len(),
            Self::Zombies => zombies::COLUMNS.len(),
            Self::Slab => slab::COLUMNS.len(),
            Self::Shrinkers => shrinkers::COLUMNS.len(),
            Self::Reclaim => reclaim::COLUMNS.len(),
            Self::Locks => locks::STATS.len(),
            Self::Findings => findings::COLUMNS.len(),
        }
    }

    /// The one so many further, from the last to the first.
    pub(super) fn neighbour(self, step: usize) -> Self {
        Self::ALL[(self as usize + step) % Self::ALL.len()]
    }
}
