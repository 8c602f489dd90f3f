//! Records of known bugs that a host looks like.

use std::borrow::Cow;

use crate::model::known::{self, About, Bug, Commits, Likeness};
use crate::model::snapshot::Snapshot;
use crate::output::figures::record;
use crate::sample::sanitized;

record! {
    /// A bug of the kernel that the host looks like. A likeness is no proof.
    pub struct KnownBug<'a> {
        /// Name of the bug: `memcg-trace known NAME` prints what is known of it.
        bug: &'static str,
        /// Its name for people.
        title: &'static str,
        /// What of this host looks like it; null in the table of bugs.
        seen: Option<Cow<'a, str>>,
        /// What is compared.
        shape: &'static str,
        /// What happens.
        what: &'static str,
        /// Commits that made it; null if they were not looked up.
        made_by: Option<Vec<Commit>>,
        /// Commits that fixed it or a part of it, likewise; none are known if the list is empty.
        fixed_by: Option<Vec<Commit>>,
        /// Releases that have a fix; those that are not listed were not looked up.
        fixed_in: Vec<&'static str>,
        /// What else is known of its history.
        history: &'static str,
        /// What helps until a kernel with the fix runs.
        until_then: &'static str,
        /// The steps that make it; null if they are not known.
        reproduce: Option<Vec<&'static str>>,
        /// Where people report it.
        reports: Vec<&'static str>,
    }
}

record! {
    /// A commit of the kernel.
    struct Commit {
        /// The first digits of its id.
        id: &'static str,
        /// Its first line.
        title: &'static str,
    }
}

impl KnownBug<'_> {
    /// The record of a row of the table.
    #[must_use]
    pub fn row(bug: &'static Bug) -> Self {
        Self {
            bug: bug.key,
            title: bug.title,
            seen: None,
            shape: bug.shape,
            what: bug.what,
            made_by: commits(bug.made_by),
            fixed_by: commits(bug.fixed_by),
            fixed_in: bug.fixed_in.to_vec(),
            history: bug.history,
            until_then: bug.until_then,
            reproduce: (!bug.reproduce.is_empty()).then(|| bug.reproduce.to_vec()),
            reports: bug.reports.to_vec(),
        }
    }

    /// The records of what a snapshot looks like.
    #[must_use]
    pub fn seen_in(snapshot: &Snapshot, about: About) -> Vec<Self> {
        let of = |likeness: Likeness| Self {
            seen: Some(Cow::Owned(sanitized(&likeness.seen).into_owned())),
            ..Self::row(likeness.bug)
        };
        let likenesses = known::likenesses(snapshot, about).into_iter();
        likenesses.map(of).collect()
    }
}

fn commits(commits: Commits) -> Option<Vec<Commit>> {
    let known = !matches!(commits, Commits::NotLookedUp);
    known.then(|| {
        let list = commits.list().iter();
        list.map(|commit| Commit {
            id: commit.id,
            title: commit.title,
        })
        .collect()
    })
}
