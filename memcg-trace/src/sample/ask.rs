//! Queries of views to a source, beyond its periodic samples.

use super::Text;

/// A query. Its answer is a sample like any other, so it is recorded like any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The pins of the zombies with these serial numbers; of all zombies, if the list is empty.
    Pins(Vec<u64>),
    /// Who uses cgroups in which no task is.
    CgroupUses,
    /// Waits, resources and holders.
    Locks,
    /// The same, with the task that has this thread id, also if it does not wait.
    Task(u32),
    /// The same, with the removal of the memory cgroup that has this serial number, also if many
    /// others are in progress.
    Removal(u64),
    /// The owners of slab memory, and the use of its pages.
    SlabWalk,
    /// The same, and the contents of the cache of this name: dentries or inodes.
    SlabInside(Text),
    /// To watch from now on which call sites allocate objects of the cache of this name. The answer
    /// is a walk that has the cache, if there is one, and samples have the call sites from then on.
    Callers(Text),
}

/// The reason of absence where a recording has no answer.
pub const NOT_RECORDED: &str = "not_recorded";
