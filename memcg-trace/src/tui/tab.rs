//! The tabs of the screen.

use super::{locks, memcgs, reclaim, shrinkers, slab, zombies};

/// A tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Memcgs,
    Zombies,
    Slab,
    Shrinkers,
    Reclaim,
    Locks,
}

impl Tab {
    pub(super) const ALL: [Self; 6] = [
        Self::Memcgs,
        Self::Zombies,
        Self::Slab,
        Self::Shrinkers,
        Self::Reclaim,
        Self::Locks,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Memcgs => "memcgs",
            Self::Zombies => "zombies",
            Self::Slab => "slab",
            Self::Shrinkers => "shrinkers",
            Self::Reclaim => "reclaim",
            Self::Locks => "locks",
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
        }
    }

    /// The one so many further, from the last to the first.
    pub(super) fn neighbour(self, step: usize) -> Self {
        Self::ALL[(self as usize + step) % Self::ALL.len()]
    }
}
