//! What can be observed.

/// What can be observed; a verb asks for those that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// Memory cgroups: the walk.
    Memcg,
    /// Their births and deaths.
    Life,
    /// Slab objects charged and uncharged.
    Slab,
    /// Shrinker runs.
    Shrinker,
    /// Waits for locks.
    Lock,
    /// What dead memory cgroups cost those that live.
    Tax,
    /// Who waits for memory to be reclaimed, and from whom it is.
    Reclaim,
    /// Every lock and unlock of `cgroup_mutex`, contended or not: only for those who ask, since
    /// all mutexes of the kernel pay for it.
    Acquisition,
}

impl Subject {
    /// All of them; the last has to be asked for.
    pub const ALL_AND_ACQUISITIONS: &'static [Self] = &[
        Self::Memcg,
        Self::Life,
        Self::Slab,
        Self::Shrinker,
        Self::Lock,
        Self::Tax,
        Self::Reclaim,
        Self::Acquisition,
    ];
    /// All that is observed unless less is asked for.
    pub const ALL: &'static [Self] = Self::ALL_AND_ACQUISITIONS.split_at(7).0;

    /// Its name in records and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Memcg => "memcg",
            Self::Life => "life",
            Self::Slab => "slab",
            Self::Shrinker => "shrinker",
            Self::Lock => "lock",
            Self::Tax => "tax",
            Self::Acquisition => "acquisition",
            Self::Reclaim => "reclaim",
        }
    }
}
