//! A group of zombies of one origin, and what its zombies have in common.

use std::sync::Arc;

use crate::model::snapshot::{Advice, MemcgId};
use crate::sample::Text;
use crate::sample::pins::PinKind;

/// What pins the zombies of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PinnedBy {
    /// Most of their references are of this kind.
    Kind(PinKind),
    /// Nothing was found.
    Nothing,
    /// Nobody asked.
    NotAsked,
}

/// Steps that would free zombies of a group.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The steps, with what they free in all of these zombies together.
    pub steps: Vec<Advice>,
    /// The number of zombies whose pins have this advice.
    pub zombies: u64,
}

/// Zombies of one origin.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The path of the parent, with what varies in it.
    pub parent: Text,
    /// The shape of the name.
    pub name: Text,
    /// What pins them.
    pub pinned_by: PinnedBy,
    /// Their number.
    pub zombies: u64,
    /// The number of all zombies of the host.
    pub of_zombies: u64,
    /// Memory of the kernel that they take by themselves, of those of which it is known.
    pub own_cost_bytes: Option<u64>,
    /// Memory on their own LRU lists, likewise.
    pub kept_bytes: Option<u64>,
    /// Pages in swap that are charged to them, likewise.
    pub swap_entries: Option<u64>,
    /// The number of those of which a figure is not known.
    pub unmeasured: u64,
    /// Time since the first and the last of them went offline, of those that were seen to.
    pub first_dead_ns: Option<u64>,
    /// See `first_dead_ns`.
    pub last_dead_ns: Option<u64>,
    /// The number of those that were not seen to go offline.
    pub died_unseen: u64,
    /// Live memcgs of the same parent and shape.
    pub alive: u64,
    /// The one that was made first.
    pub oldest: Arc<MemcgId>,
    /// The one that was made last.
    pub newest: Arc<MemcgId>,
    /// All of it in one line, fit for a terminal.
    pub sentence: String,
    /// What would free many of them, the most first.
    pub advice: Vec<Shared>,
}
