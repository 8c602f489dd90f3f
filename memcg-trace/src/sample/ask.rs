//! What a view may ask of a source, beyond the samples that it hands over by itself.

use super::Text;

/// A question. Its answer is a sample like any other, so it is recorded like any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Who pins the zombies of these serial numbers; all zombies, if there are none.
    Pins(Vec<u64>),
    /// Who waits for whom.
    Locks,
    /// Who holds slab memory, and how well its pages are used.
    SlabWalk,
    /// That, and what the objects of the cache of this name are: dentries or inodes.
    SlabInside(Text),
}

/// What is said where a recording has no answer.
pub const NOT_RECORDED: &str = "not_recorded";
