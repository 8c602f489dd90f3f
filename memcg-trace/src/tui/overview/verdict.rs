//! What is said of a subject.

use crate::model::snapshot::{Finding, Section, Severity, Snapshot};
use crate::sample::sanitized;

use super::subject::Subject;

/// The state of a subject, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Bad,
    Look,
    Unknown,
    Good,
}

impl State {
    /// The word before the subject.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Bad => "BAD",
            Self::Look => "look",
            Self::Unknown => "?",
            Self::Good => "ok",
        }
    }
}

/// A state, and the reason in words.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub(super) state: State,
    pub(super) text: String,
}

impl Verdict {
    pub(super) fn new(state: State, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { state, text }
    }

    /// The verdict on an absent section.
    pub(super) fn unknown<T>(section: &Section<T>) -> Option<Self> {
        let reason = section.reason.as_ref()?;
        let text = format!("not known: {}", sanitized(reason));
        Some(Self::new(State::Unknown, text))
    }

    /// The verdict, or a worse one where findings are worse.
    pub(super) fn with_findings(self, subject: Subject, snapshot: &Snapshot) -> Self {
        let findings = snapshot.findings.items.iter();
        let own = findings.filter(|one| !one.resolved && Subject::of(one.kind) == subject);
        let worst = own.map(|one| state_of(one)).min();
        let state = worst.map_or(self.state, |worst| worst.min(self.state));
        Self { state, ..self }
    }
}

fn state_of(finding: &Finding) -> State {
    match finding.severity {
        Severity::Critical => State::Bad,
        Severity::Warn | Severity::Info => State::Look,
    }
}
