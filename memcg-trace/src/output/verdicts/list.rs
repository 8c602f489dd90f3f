//! The verdicts on all subjects.

use super::subject::Subject;
use super::verdict::Verdict;
use super::{event_verdicts, memory_verdicts, tool_verdicts};
use crate::model::snapshot::Snapshot;

/// Returns the verdict on a subject.
#[must_use]
pub fn of(subject: Subject, snapshot: &Snapshot) -> Verdict {
    let verdict = match subject {
        Subject::Deadlocks => event_verdicts::deadlocks(snapshot),
        Subject::Waits => event_verdicts::waits(snapshot),
        Subject::Reclaim => event_verdicts::reclaim(snapshot),
        Subject::Shrinkers => event_verdicts::shrinkers(snapshot),
        Subject::Zombies => memory_verdicts::zombies(snapshot),
        Subject::Abandoned => memory_verdicts::abandoned(snapshot),
        Subject::Slab => memory_verdicts::slab(snapshot),
        Subject::Losses => tool_verdicts::losses(snapshot),
        Subject::OwnCost => tool_verdicts::own_cost(snapshot),
    };
    verdict.with_findings(subject, snapshot)
}

/// Returns all subjects with their verdicts, the worst first.
#[must_use]
pub fn all(snapshot: &Snapshot) -> Vec<(Subject, Verdict)> {
    let verdict = |subject| (subject, of(subject, snapshot));
    let mut all: Vec<(Subject, Verdict)> = Subject::ALL.into_iter().map(verdict).collect();
    all.sort_by_key(|(_, verdict)| verdict.state);
    all
}
