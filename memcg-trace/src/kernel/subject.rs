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
    /// mutexes of the kernel become slower by it, and therefore one of the last two.
    Acquisition,
    /// Call sites of the objects of one slab cache. Only for the question about them, since all
    /// allocations and frees of slab objects become slower by it.
    Callers,
}

impl Subject {
    /// The subjects that are observed unless fewer are requested: all but the last two.
    pub const ALL: &'static [Self] = Self::VARIANTS.split_at(Self::VARIANTS.len() - 2).0;
    /// The same, and each lock of `cgroup_mutex`.
    pub const ALL_AND_ACQUISITIONS: &'static [Self] =
        Self::VARIANTS.split_at(Self::VARIANTS.len() - 1).0;
    /// All but the acquisitions.
    pub const ALL_AND_CALLERS: &'static [Self] = &[
        Self::Memcg,
        Self::MemcgEvents,
        Self::Slab,
        Self::Shrinker,
        Self::Lock,
        Self::ZombieCost,
        Self::Reclaim,
        Self::Callers,
    ];

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
            Self::Callers => "slab_callers",
            Self::Reclaim => "reclaim",
        }
    }
}
