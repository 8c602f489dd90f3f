//! The first sentence of a page.

use super::findings;
use super::gathered::Gathered;
use super::verdict::Line;
use crate::model::snapshot::Severity;
use crate::output::verdicts::State;

/// The worst that was found, in a sentence, and how bad it is.
pub(super) fn of(gathered: &Gathered, lines: &[Line<'_>]) -> (State, String) {
    let clock = gathered.clock();
    if let Some(deadlock) = gathered.deadlocks.headline(clock) {
        return (State::Bad, deadlock);
    }
    let worst = gathered.findings.worst();
    if let Some(finding) = worst.filter(|one| one.severity > Severity::Info) {
        let state = match finding.severity {
            Severity::Critical => State::Bad,
            Severity::Warn | Severity::Info => State::Look,
        };
        let began = clock.at(finding.first_ns);
        return (state, format!("{}; it began at {began}.", finding.sentence));
    }
    let of_state = |state: State| {
        let lines = lines.iter().filter(move |line| line.state() == state);
        let names: Vec<&str> = lines.map(|line| line.subject.name()).collect();
        names.join(", ")
    };
    let are_findings_known = findings::absence(&gathered.last).is_none();
    let worst = lines.first().map_or(State::Unknown, Line::state);
    let text = match worst {
        State::Bad => format!("Something is wrong with: {}.", of_state(State::Bad)),
        State::Look => {
            let known = match are_findings_known {
                true => "No finding",
                false => "Findings are not known",
            };
            format!("{known}; worth a look: {}.", of_state(State::Look))
        }
        State::Unknown => format!(
            "Nothing was found; not all could be looked at: {}.",
            of_state(State::Unknown)
        ),
        State::Good if !are_findings_known => {
            let text = "Nothing was found; findings are not known.";
            return (State::Unknown, text.to_owned());
        }
        State::Good => "Nothing was found.".to_owned(),
    };
    (worst, text)
}
