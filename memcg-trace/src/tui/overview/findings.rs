//! The findings below the verdicts, the newest first.

use std::cmp::Reverse;

use crate::model::snapshot::{Finding, Severity, Snapshot};
use crate::units;

/// A finding as the overview has it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) finding: Finding,
    pub(super) text: String,
}

impl Found {
    pub(super) fn is_alarm(&self) -> bool {
        !self.finding.resolved && self.finding.severity == Severity::Critical
    }
}

/// The line above the findings.
pub(super) fn heading(snapshot: &Snapshot, count: usize) -> String {
    if let Some(reason) = &snapshot.findings.reason {
        return format!("FINDINGS not known: {}", crate::sample::sanitized(reason));
    }
    match (count, snapshot.absences().count() as u64) {
        (0, 0) => "FINDINGS none".to_owned(),
        (0, absent) => {
            let absent = units::things(absent, "section");
            format!("FINDINGS none in what can be had: {absent} cannot")
        }
        _ => "FINDINGS, the newest first, with the time that they began".to_owned(),
    }
}

/// All findings, also those that are over.
pub(super) fn newest(snapshot: &Snapshot) -> Vec<Found> {
    let mut all: Vec<&Finding> = snapshot.findings.items.iter().collect();
    all.sort_by_key(|one| Reverse((one.first_ns, one.number)));
    let found = all.into_iter().map(|finding| {
        let state = match finding.resolved {
            true => "over",
            false => finding.severity.as_str(),
        };
        let began = began(finding.first_ns, snapshot);
        Found {
            finding: finding.clone(),
            text: format!("{began} {state:<8} {}", finding.sentence),
        }
    });
    found.collect()
}

/// The time of day; with the date, if that is another day.
fn began(first_ns: u64, snapshot: &Snapshot) -> String {
    let age_ns = snapshot.mono_ns.saturating_sub(first_ns);
    let age_ns = i64::try_from(age_ns).unwrap_or(i64::MAX);
    let at = units::clock(snapshot.unix_ns.saturating_sub(age_ns));
    let now = units::clock(snapshot.unix_ns);
    match at.split_once(' ').zip(now.split_once(' ')) {
        Some(((day, time), (today, _))) if day == today => time.to_owned(),
        _ => at,
    }
}
