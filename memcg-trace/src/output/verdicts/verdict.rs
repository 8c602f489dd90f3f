//! The verdict on a subject.

use super::subject::Subject;
use crate::model::snapshot::{Finding, Section, Severity, Snapshot};
use crate::output::fit;
use crate::sample::sanitized;

/// The state of a subject, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Bad,
    Look,
    Unknown,
    Good,
}

impl State {
    /// The word before the subject.
    #[must_use]
    pub fn word(self) -> &'static str {
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
pub struct Verdict {
    pub state: State,
    pub text: String,
    /// The path in the text that is cut first, so that its last component stays.
    path: Option<String>,
}

impl Verdict {
    pub(super) fn new(state: State, text: impl Into<String>) -> Self {
        let text = text.into();
        let path = None;
        Self { state, text, path }
    }

    /// Says which path in the text is cut first.
    pub(super) fn about(self, path: String) -> Self {
        let path = Some(path);
        Self { path, ..self }
    }

    /// The text, or as much of it as fits: first of all the name at the end of the path.
    #[must_use]
    pub fn fitted(&self, columns: usize) -> String {
        let path = self.path.as_deref().filter(|path| !path.is_empty());
        let parts = path.and_then(|path| Some((path, self.text.split_once(path)?)));
        let Some((path, (before, after))) = parts else {
            return fit::cut_end(&self.text, columns);
        };
        let name = path.rsplit('/').next().unwrap_or(path);
        // The name, and a sign that parents are left out.
        let least = (fit::width(name) + 2).min(fit::width(path));
        let room = columns.saturating_sub(fit::width(before));
        let room_with_all = room.saturating_sub(fit::width(after));
        let text = match (room_with_all >= least, room > least) {
            (true, _) => format!("{before}{}{after}", fit::cut_path(path, room_with_all)),
            (false, true) => format!("{before}{}…", fit::cut_path(path, room - 1)),
            (false, false) => format!("{before}{}", fit::cut_path(path, room)),
        };
        fit::cut_end(&text, columns)
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
        let worst = own.map(state_of).min();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_what_stays() {
        let path = "/system.slice/system-getty.slice/getty@tty1.service";
        let text = format!("280 ms a second waits {path}, limit of /system.slice (high)");
        let verdict = Verdict::new(State::Look, text.as_str()).about(path.to_owned());
        assert_eq!(verdict.fitted(200), text);
        let least = fit::width("280 ms a second waits …/getty@tty1.service");
        for columns in least..fit::width(&text) {
            let fitted = verdict.fitted(columns);
            assert!(
                fitted.contains("/getty@tty1.service"),
                "{columns}: {fitted}"
            );
            assert!(fit::width(&fitted) <= columns, "{columns}: {fitted}");
        }
        let plain = Verdict::new(State::Good, "nobody waits");
        assert_eq!(plain.fitted(7), "nobody…");
    }
}
