//! Findings of a span of time, with when they began and ended.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::clock::Clock;
use super::plot::Mark;
use crate::model::snapshot::{Finding, Severity, Snapshot};
use crate::output::findings;

/// The most findings that are listed.
const MAX: usize = 300;
/// Columns of the figures of a finding.
const COLUMNS: usize = 100;

/// The findings, each as it was last seen.
#[derive(Debug)]
pub(super) struct Findings {
    since_ns: u64,
    /// The last snapshot.
    end_ns: u64,
    /// By kind and number, since each kind of list counts its own.
    by_id: BTreeMap<(&'static str, u64), Finding>,
    has_more: bool,
}

impl Findings {
    /// Those that were in progress at a moment or after it.
    pub(super) fn since(since_ns: u64) -> Self {
        Self {
            since_ns,
            end_ns: since_ns,
            by_id: BTreeMap::new(),
            has_more: false,
        }
    }

    pub(super) fn push(&mut self, snapshot: &Snapshot) {
        self.end_ns = snapshot.mono_ns;
        for finding in &snapshot.findings.items {
            let is_over = finding.resolved && finding.last_ns < self.since_ns;
            let id = (finding.kind.as_str(), finding.number);
            let is_full = self.by_id.len() >= MAX;
            match self.by_id.get_mut(&id) {
                Some(known)
                    if known.last_ns == finding.last_ns && known.resolved == finding.resolved => {}
                Some(known) => known.clone_from(finding),
                None if is_over => {}
                None if is_full => self.has_more = true,
                None => {
                    self.by_id.insert(id, finding.clone());
                }
            }
        }
    }

    /// In the order in which they began.
    fn list(&self) -> Vec<&Finding> {
        let mut all: Vec<&Finding> = self.by_id.values().collect();
        all.sort_by_key(|one| (one.first_ns, one.number));
        all
    }

    /// The worst, and the first of those that are as bad.
    pub(super) fn worst(&self) -> Option<&Finding> {
        let all = self.list().into_iter().rev();
        all.max_by_key(|one| one.severity)
    }

    pub(super) fn marks(&self) -> Vec<Mark> {
        let all = self.list().into_iter().enumerate();
        let marks = all.map(|(at, one)| Mark {
            label: label(at),
            at_ns: one.first_ns,
            title: one.sentence.clone(),
        });
        marks.collect()
    }

    pub(super) fn section(&self, clock: Clock, absence: Option<&str>) -> Markup {
        let all = self.list();
        html! {
            @if let Some(reason) = absence {
                p { "Not known at the end: " (crate::sample::sanitized(reason)) }
            }
            @if all.is_empty() {
                @if absence.is_none() { p { "None, in what could be had." } }
            } @else {
                div class="scroll" role="group" tabindex="0" aria-labelledby="findings-title" {
                    table {
                        thead { tr { @for heading in HEADINGS { th scope="col" { (heading) } } } }
                        tbody { @for (at, one) in all.iter().enumerate() { (row(at, one, self.end_ns, clock)) } }
                    }
                }
                @for (at, one) in all.iter().enumerate() { (details(at, one)) }
            }
            @if self.has_more { p { "There were more; the first " (MAX) " that came are listed." } }
        }
    }
}

const HEADINGS: [&str; 6] = ["", "Began", "Last seen", "Severity", "Kind", "What"];

/// The word by which plots and lists name a finding.
fn label(at: usize) -> String {
    format!("F{}", at + 1)
}

fn row(at: usize, finding: &Finding, end_ns: u64, clock: Clock) -> Markup {
    let end = match finding.resolved {
        true => "over",
        false if finding.last_ns >= end_ns => "in progress at the end",
        false => "not seen to end",
    };
    let class = match finding.severity {
        Severity::Critical => "bad",
        Severity::Warn | Severity::Info => "look",
    };
    html! {
        tr {
            th scope="row" { (label(at)) }
            td { (clock.at(finding.first_ns)) }
            td {
                (clock.at(finding.last_ns)) ", " (end)
            }
            td class=(class) { (finding.severity.as_str()) }
            td { (finding.kind.as_str()) }
            td { (finding.sentence) }
        }
    }
}

fn details(at: usize, finding: &Finding) -> Markup {
    html! {
        details {
            summary { "Figures of " (label(at)) ", " (finding.kind.as_str()) }
            pre { (findings::figure_lines(finding, COLUMNS)) }
        }
    }
}

/// The absence of findings at the end of a span.
pub(super) fn absence(snapshot: &Snapshot) -> Option<&str> {
    snapshot.findings.reason.as_deref()
}
