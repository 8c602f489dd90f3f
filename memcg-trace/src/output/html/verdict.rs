//! The verdict on each subject: at the end, and when its figure was near its highest.

use maud::{Markup, html};

use super::clock::Clock;
use super::gathered::Gathered;
use super::peaks::Peak;
use crate::output::verdicts::{self, State, Subject, Verdict};

/// A subject with its verdicts.
pub(super) struct Line<'a> {
    pub(super) subject: Subject,
    pub(super) at_end: Verdict,
    /// That of an earlier moment, if it says something else.
    pub(super) before: Option<&'a Peak>,
}

impl Line<'_> {
    /// The worse state of both.
    pub(super) fn state(&self) -> State {
        let before = self.before.map(|peak| peak.verdict.state);
        before.map_or(self.at_end.state, |before| before.min(self.at_end.state))
    }
}

/// All subjects, the worst first.
pub(super) fn lines(gathered: &Gathered) -> Vec<Line<'_>> {
    let line = |(subject, at_end): (Subject, Verdict)| {
        let before = gathered.peaks.of(subject);
        let before = before
            .filter(|peak| peak.verdict.text != at_end.text && peak.verdict.state <= at_end.state);
        Line {
            subject,
            at_end,
            before,
        }
    };
    let mut lines: Vec<Line<'_>> = (verdicts::all(&gathered.last).into_iter())
        .map(line)
        .collect();
    lines.sort_by_key(Line::state);
    lines
}

pub(super) fn table(lines: &[Line<'_>], clock: Clock) -> Markup {
    html! {
        div class="scroll" role="group" tabindex="0" aria-labelledby="verdict-title" {
            table {
                thead { tr {
                    @for heading in ["State", "Subject", "At the end", "Near its highest"] {
                        th scope="col" { (heading) }
                    }
                } }
                tbody { @for line in lines { tr {
                    td class=(class(line.state())) { (line.state().word()) }
                    th scope="row" { (line.subject.name()) }
                    td { (line.at_end.text) }
                    td { @if let Some(peak) = line.before {
                        (clock.time(peak.at_ns)) ": " (peak.verdict.text)
                    } }
                } } }
            }
        }
        p class="note" {
            "The state is the worse of both. BAD: something is wrong. look: worth a look. ?: it \
             could not be looked at, or not at all of it. ok: nothing was found, in what the line \
             says was looked at."
        }
    }
}

pub(super) fn class(state: State) -> &'static str {
    match state {
        State::Bad => "bad",
        State::Look => "look",
        State::Unknown => "unknown",
        State::Good => "good",
    }
}
