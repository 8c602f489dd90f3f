//! Subjects of observation.

use strum::VariantArray;

/// A subject of observation; a verb requests those that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, VariantArray)]
pub enum Subject {
    /// Memory cgroups: the walk.
    Memcg,
    /// Creation, offlining and release of memory cgroups.
    MemcgEvents,
    /// Slab objects charged and uncharged.
    Slab,
    /// Shrinker runs.
    Shrinker,
    /// Waits for locks.
    Lock,
    /// CPU and memory that dead memory cgroups cost the living ones.
    ZombieCost,
    /// Reclaim: the tasks that wait for it, and the memcgs that it takes pages from.
    Reclaim,
    /// Every lock and unlock of `cgroup_mutex`, contended or not. Only on request, since all
    /// mutexes of the kernel become slower by it, and therefore the last one.
    Acquisition,
}

impl Subject {
    /// All subjects; the last one is observed only on request.
    pub const ALL_AND_ACQUISITIONS: &'static [Self] = Self::VARIANTS;
    /// The subjects that are observed unless fewer are requested.
    pub const ALL: &'static [Self] = Self::VARIANTS.split_at(Self::VARIANTS.len() - 1).0;

    /// The name of the subject in records and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Memcg => "memcg",
            Self::MemcgEvents => "life",
            Self::Slab => "slab",
            Self::Shrinker => "shrinker",
            Self::Lock => "lock",
            Self::ZombieCost => "tax",
            Self::Acquisition => "acquisition",
            Self::Reclaim => "reclaim",
        }
    }
}
