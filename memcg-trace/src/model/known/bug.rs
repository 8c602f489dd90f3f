//! What is known of a bug.

use crate::model::snapshot::Snapshot;

/// A bug of the kernel, and how to recognise it.
#[derive(Debug)]
pub struct Bug {
    /// Its name in records and on the command line.
    pub key: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// The answers that show it.
    pub about: About,
    /// What happens.
    pub what: &'static str,
    /// What is compared, for people.
    pub shape: &'static str,
    /// The commits that made it.
    pub made_by: Commits,
    /// The commits that fixed it, or a part of it.
    pub fixed_by: Commits,
    /// Releases of the kernel that have a fix. A release that is not listed was not looked up.
    pub fixed_in: &'static [&'static str],
    /// What else is known of its history.
    pub history: &'static str,
    /// What helps until a kernel with the fix runs.
    pub until_then: &'static str,
    /// The steps that make it; empty where they are not known.
    pub reproduce: &'static [&'static str],
    /// Where people report it.
    pub reports: &'static [&'static str],
    /// Returns what of a snapshot looks like it, in one sentence.
    pub seen_in: fn(&Snapshot) -> Option<String>,
}

/// The answers that a bug belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Who waits for whom.
    Waits,
    /// Dead memory cgroups, and what pins them.
    Zombies,
    /// Contents of caches.
    Caches,
}

/// Commits of the kernel. "Not looked up" is not "there is none".
#[derive(Clone, Copy, Debug)]
pub enum Commits {
    /// These, each seen in the kernel's own history.
    These(&'static [Commit]),
    /// Nobody is known to have made one.
    NoneKnown,
    /// Nobody looked them up.
    NotLookedUp,
}

impl Commits {
    /// Returns the commits that are known.
    #[must_use]
    pub fn list(self) -> &'static [Commit] {
        match self {
            Self::These(commits) => commits,
            Self::NoneKnown | Self::NotLookedUp => &[],
        }
    }
}

/// A commit of the mainline kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The first 12 digits of its id.
    pub id: &'static str,
    /// Its first line.
    pub title: &'static str,
}
