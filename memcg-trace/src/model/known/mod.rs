//! Known bugs of the kernel, recognised by their shape: by waits, locks, layouts and counts, never
//! by the kernel's version. A likeness is a hint where to read on, and no proof of anything.

mod bug;
mod memory;
mod table;
mod waits;

pub use bug::{About, Bug, Commit, Commits};
pub use table::BUGS;

use super::snapshot::Snapshot;

/// A bug that a snapshot looks like.
#[derive(Clone, Debug)]
pub struct Likeness {
    /// The bug.
    pub bug: &'static Bug,
    /// The parts of the snapshot that look like it, in one sentence, fit for a terminal.
    pub seen: String,
}

/// The bugs about some subject that a snapshot looks like, in the order of the table.
#[must_use]
pub fn likenesses(snapshot: &Snapshot, about: About) -> Vec<Likeness> {
    let bugs = BUGS.iter().filter(|bug| bug.about == about);
    let found = bugs.filter_map(|bug| {
        let seen = (bug.seen_in)(snapshot)?;
        Some(Likeness { bug, seen })
    });
    found.collect()
}

/// The bug of this key.
#[must_use]
pub fn bug(key: &str) -> Option<&'static Bug> {
    BUGS.iter().find(|bug| bug.key == key)
}
