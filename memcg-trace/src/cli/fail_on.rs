//! `--fail-on`: a condition for scripts, answered by the exit code.

use super::exit_codes::{CANNOT_TRACE, DONE, ERROR, FOUND, UNDECIDED};
use crate::model::snapshot::{FindingKind, Outcome, Snapshot};

/// The condition of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailOn {
    /// So many zombies, or more.
    Zombies(u64),
    /// A finding of this kind, also one that is resolved.
    Finding(FindingKind),
    /// A deadlock that is confirmed and not resolved.
    Deadlock,
}

impl FailOn {
    /// Parses the value of the flag.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let kinds = FindingKind::ALL.into_iter();
        let usage = || {
            let kinds: Vec<_> = kinds.clone().map(FindingKind::as_str).collect();
            format!(
                "write it like deadlock, zombies=N, with N from 1 on, or finding={}",
                kinds.join("|")
            )
        };
        if text == "deadlock" {
            return Ok(Self::Deadlock);
        }
        let (what, value) = text.split_once('=').ok_or_else(usage)?;
        match (what, value.parse::<u64>()) {
            ("zombies", Ok(least @ 1..)) => Ok(Self::Zombies(least)),
            ("finding", _) => {
                let kind = kinds.clone().find(|kind| kind.as_str() == value);
                kind.map(Self::Finding).ok_or_else(usage)
            }
            _ => Err(usage()),
        }
    }

    /// Whether the condition is met; `None` if that is not known.
    pub(super) fn is_met(self, snapshot: &Snapshot) -> Option<bool> {
        let is_cut = snapshot.memcgs.truncated_at.is_some();
        let is_met = match self {
            Self::Zombies(least) => snapshot.totals.zombies? >= least,
            Self::Finding(kind) => {
                let findings = &snapshot.findings;
                if findings.items.iter().any(|finding| finding.kind == kind) {
                    return Some(true);
                }
                let is_looked_for = match kind {
                    // If other findings are known and growth is not, the section has a reason.
                    FindingKind::ZombieGrowth => findings.reason.is_none(),
                    FindingKind::NearHigh | FindingKind::Sawtooth => snapshot.memcgs.is_known(),
                    _ => snapshot.reclaim.is_known() && snapshot.shrinkers.is_known(),
                };
                if !findings.is_known() || !is_looked_for || findings.truncated_at.is_some() {
                    return None;
                }
                false
            }
            Self::Deadlock => return deadlock(snapshot),
        };
        // A walk that stopped at a bound may have missed some.
        (is_met || !is_cut).then_some(is_met)
    }
}

/// Whether there is a deadlock; `None` if that is undecided.
fn deadlock(snapshot: &Snapshot) -> Option<bool> {
    match snapshot.judged.as_deref()?.outcome {
        Outcome::Deadlock => Some(true),
        Outcome::Undecided => None,
        Outcome::NoDeadlock => Some(false),
    }
}

/// The exit code of a verb that saw a snapshot. `has_figures` says whether the snapshot has the
/// verb's own figures.
pub(super) fn exit_code(fail_on: Option<FailOn>, snapshot: &Snapshot, has_figures: bool) -> u8 {
    match fail_on.map(|fail_on| fail_on.is_met(snapshot)) {
        None if has_figures => DONE,
        None => CANNOT_TRACE,
        Some(Some(true)) => FOUND,
        Some(Some(false)) => DONE,
        Some(None) => UNDECIDED,
    }
}

/// The exit code of a verb that saw no snapshot.
pub(super) fn nothing_seen(fail_on: Option<FailOn>) -> u8 {
    fail_on.map_or(ERROR, |_| UNDECIDED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_as_users_write_them() {
        assert_eq!(FailOn::parse("deadlock"), Ok(FailOn::Deadlock));
        assert_eq!(FailOn::parse("zombies=10"), Ok(FailOn::Zombies(10)));
        let growth = FailOn::Finding(FindingKind::ZombieGrowth);
        assert_eq!(FailOn::parse("finding=zombie_growth"), Ok(growth));
        for text in [
            "",
            "zombies",
            "deadlock=1",
            "zombies=",
            "zombies=0",
            "zombies=-1",
            "pins=3",
            "finding=",
            "finding=3",
        ] {
            assert!(FailOn::parse(text).is_err(), "{text}");
        }
    }
}
