//! Deadlocks of a span of time: the waits as a drawing, and the proof.

use std::fmt::Write as _;
use std::sync::Arc;

use maud::{Markup, html};

use super::clock::Clock;
use super::graph;
use super::plot::Mark;
use crate::deadlock::{self, State, words};
use crate::model::known::{self, About};
use crate::model::snapshot::{Deadlock, Snapshot};
use crate::output::{known as text, report};
use crate::units;

/// The most deadlocks that are shown.
const MAX: usize = 20;

/// A deadlock as the first answer had it that proved it, or that suspected it if none did.
#[derive(Debug)]
struct Seen {
    found: Arc<deadlock::Deadlock>,
    at_ns: u64,
    proof: String,
    known_bugs: String,
    gone_ns: Option<u64>,
    /// The last look at waits that had it or saw it gone.
    looked_ns: u64,
}

impl Seen {
    fn of(deadlock: &Deadlock, snapshot: &Snapshot) -> Self {
        let mut known_bugs = String::new();
        for likeness in known::likenesses(snapshot, About::Waits) {
            for line in text::lines(&likeness) {
                let _ = writeln!(known_bugs, "{line}");
            }
        }
        Self {
            found: Arc::clone(&deadlock.found),
            at_ns: snapshot.mono_ns,
            proof: report::proof(deadlock, snapshot),
            known_bugs,
            gone_ns: deadlock.resolved_ns,
            looked_ns: looked_ns(snapshot),
        }
    }

    /// The end of it, within a sentence.
    fn end(&self, clock: Clock) -> String {
        let looked = clock.at(self.looked_ns);
        match self.gone_ns {
            Some(gone_ns) => format!("gone at {}", clock.at(gone_ns)),
            None if looked == clock.end() => "stands at the end".to_owned(),
            None => format!("stood when waits were last looked at, at {looked}"),
        }
    }

    fn is_proven(&self) -> bool {
        matches!(self.found.state, State::Confirmed | State::Resolved)
    }

    fn state(&self) -> &'static str {
        match self.is_proven() {
            true => "proven",
            false => "suspected",
        }
    }
}

/// The deadlocks, in the order in which they were found.
#[derive(Debug)]
pub(super) struct Deadlocks {
    since_ns: u64,
    seen: Vec<Seen>,
    has_more: bool,
}

impl Deadlocks {
    /// Those that stood at a moment or after it.
    pub(super) fn since(since_ns: u64) -> Self {
        Self {
            since_ns,
            seen: Vec::new(),
            has_more: false,
        }
    }

    pub(super) fn push(&mut self, snapshot: &Snapshot) {
        for deadlock in &snapshot.deadlocks.items {
            let id = deadlock.found.cycle_id;
            let is_full = self.seen.len() >= MAX;
            match self.seen.iter_mut().find(|one| one.found.cycle_id == id) {
                Some(seen) if deadlock.is_confirmed() && !seen.is_proven() => {
                    *seen = Seen::of(deadlock, snapshot);
                }
                Some(seen) => {
                    seen.gone_ns = deadlock.resolved_ns;
                    seen.looked_ns = looked_ns(snapshot);
                }
                None if deadlock
                    .resolved_ns
                    .is_some_and(|gone| gone < self.since_ns) => {}
                None if is_full => self.has_more = true,
                None => self.seen.push(Seen::of(deadlock, snapshot)),
            }
        }
    }

    /// The first proven one in a sentence, with its end.
    pub(super) fn headline(&self, clock: Clock) -> Option<String> {
        let mut proven = self.seen.iter().filter(|one| one.is_proven());
        let first = proven.next()?;
        let others = proven.count() as u64;
        let more = match others {
            0 => String::new(),
            others => format!(" There {} {} more.", units::is(others), others),
        };
        let was = if first.gone_ns.is_some() { "was " } else { "" };
        let tasks = units::things(first.found.members.len() as u64, "task");
        Some(format!(
            "A deadlock of {tasks} is proven, first at {}. It {was}{}.{more}",
            clock.at(first.at_ns),
            first.end(clock)
        ))
    }

    pub(super) fn marks(&self) -> Vec<Mark> {
        let all = self.seen.iter().enumerate();
        let marks = all.map(|(at, one)| Mark {
            label: label(at),
            at_ns: one.at_ns,
            title: one.found.sentence.clone(),
        });
        marks.collect()
    }

    pub(super) fn section(&self, clock: Clock) -> Markup {
        html! {
            @for (at, one) in self.seen.iter().enumerate() { (article(at, one, clock)) }
            @if self.has_more { p { "There were more; the first " (MAX) " are shown." } }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

/// The time of the look at waits that a snapshot has.
fn looked_ns(snapshot: &Snapshot) -> u64 {
    snapshot.deadlocks.as_of_ns.unwrap_or(snapshot.mono_ns)
}

/// The word by which plots and the list name a deadlock.
fn label(at: usize) -> String {
    format!("D{}", at + 1)
}

fn article(at: usize, seen: &Seen, clock: Clock) -> Markup {
    let found = &seen.found;
    let id = format!("deadlock-{}", at + 1);
    let victims: Vec<String> = found.victims.iter().map(words::task).collect();
    html! {
        article aria-labelledby=(id) {
            h3 id=(id) {
                (label(at)) ", " (seen.state()) ": "
                (units::things(found.members.len() as u64, "task"))
            }
            p { (found.sentence) }
            p { (times(seen, clock)) }
            (graph::markup(found, &id))
            (waits(found, clock, &id))
            @if !victims.is_empty() {
                p {
                    "Behind it wait: " (victims.join(", "))
                    @if found.victims_omitted > 0 { ", and " (found.victims_omitted) " more" }
                }
            }
            details {
                summary { "Proof of " (label(at)) ", as of " (clock.at(seen.at_ns)) }
                pre { (seen.proof.trim_start()) }
            }
            @if !seen.known_bugs.is_empty() { pre { (seen.known_bugs) } }
        }
    }
}

fn times(seen: &Seen, clock: Clock) -> String {
    let found = &seen.found;
    let closed = match (found.close_ns, found.close_after_ns) {
        (Some(close_ns), _) => format!("Closed at {}", clock.at(close_ns)),
        (None, Some(after_ns)) => between(clock.at(after_ns), &clock.at(found.close_before_ns)),
        (None, None) => format!("Closed by {}", clock.at(found.close_before_ns)),
    };
    let word = seen.state();
    let (at, end) = (clock.at(seen.at_ns), seen.end(clock));
    format!("{closed}; {word} at {at}; {end}.")
}

fn between(after: String, before: &str) -> String {
    match after == before {
        true => format!("Closed within a second of {after}"),
        false => format!("Closed between {after} and {before}"),
    }
}

/// All waits among the members, also those that are not drawn.
fn waits(found: &deadlock::Deadlock, clock: Clock, id: &str) -> Markup {
    let task = |at: usize| found.members.get(at).map(words::task);
    html! {
        div class="scroll" role="group" tabindex="0" aria-labelledby=(id) {
            table {
                thead { tr {
                    @for heading in ["Task", "What it waits for", "Who has to act", "Since", "Evidence"] {
                        th scope="col" { (heading) }
                    }
                } }
                tbody { @for edge in &found.edges { tr {
                    th scope="row" { (task(edge.from).unwrap_or_default()) }
                    td { (words::wait(&edge.resource, edge.mode, edge.is_retry)) }
                    td { (task(edge.to).unwrap_or_default()) }
                    td { (edge.since_ns.map_or(units::UNKNOWN.to_owned(), |at| clock.at(at))) }
                    td { (<&str>::from(edge.evidence)) }
                } } }
            }
        }
        @if found.edges_omitted > 0 { p { (found.edges_omitted) " more waits are not listed." } }
    }
}
