//! Findings in progress, and those that have stopped.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use crate::model::snapshot::{Figure, Figures, Finding, FindingKind, MemcgId, Severity};

/// The most findings in progress: more than anyone reads.
const MAX_OPEN: usize = 64;
/// The number of stopped findings that are remembered.
const MAX_RESOLVED: usize = 32;
/// The least time between two records of a finding that lasts.
const AGAIN_NS: u64 = 10_000_000_000;

/// The identity of a finding: its kind, and the numbers of its subject.
pub(super) type About = (FindingKind, [u64; 4]);

/// A finding at one moment.
pub(super) struct Fresh {
    pub(super) severity: Severity,
    pub(super) memcg: Option<Arc<MemcgId>>,
    pub(super) sentence: String,
    pub(super) figures: Vec<(&'static str, Figure)>,
    /// Its start.
    pub(super) first_ns: u64,
    /// The time until which it lasts without being found again.
    pub(super) lasts_until_ns: u64,
}

/// All findings.
#[derive(Debug, Default)]
pub(super) struct List {
    open: HashMap<About, Open>,
    resolved: Vec<Finding>,
    number: u64,
    revision: u64,
    /// Whether a finding was dropped because the list was full.
    is_cut: bool,
}

#[derive(Debug)]
struct Open {
    finding: Finding,
    reported_ns: u64,
    lasts_until_ns: u64,
}

impl List {
    /// Adds a finding, or renews the one about the same.
    pub(super) fn find(&mut self, about: About, now_ns: u64, fresh: Fresh) {
        let revision = self.revision + 1;
        if let Some(open) = self.open.get_mut(&about) {
            let finding = &mut open.finding;
            let is_due = now_ns.saturating_sub(open.reported_ns) >= AGAIN_NS;
            if is_due || fresh.severity > finding.severity {
                self.revision = revision;
                finding.revision = revision;
                open.reported_ns = now_ns;
            }
            finding.severity = finding.severity.max(fresh.severity);
            finding.sentence = fresh.sentence;
            finding.figures = Figures::Named(fresh.figures);
            finding.last_ns = now_ns;
            open.lasts_until_ns = fresh.lasts_until_ns;
            return;
        }
        if self.open.len() >= MAX_OPEN {
            self.is_cut = true;
            return;
        }
        self.number += 1;
        self.revision = revision;
        let finding = Finding {
            number: self.number,
            revision,
            kind: about.0,
            severity: fresh.severity,
            memcg: fresh.memcg,
            sentence: fresh.sentence,
            figures: Figures::Named(fresh.figures),
            first_ns: fresh.first_ns,
            last_ns: now_ns,
            resolved: false,
        };
        let open = Open {
            finding,
            reported_ns: now_ns,
            lasts_until_ns: fresh.lasts_until_ns,
        };
        self.open.insert(about, open);
    }

    /// Returns whether a finding is in progress.
    pub(super) fn is_open(&self, about: &About) -> bool {
        self.open.contains_key(about)
    }

    /// Closes findings that were not found again in time, of the kinds that the sample can show:
    /// the others may last.
    pub(super) fn close_ended(&mut self, now_ns: u64, can_show: impl Fn(FindingKind) -> bool) {
        let is_over =
            |(about, open): &(&About, &Open)| can_show(about.0) && now_ns > open.lasts_until_ns;
        let open = self.open.iter().filter(is_over);
        let over: Vec<About> = open.map(|(about, _)| *about).collect();
        for about in over {
            if let Some(mut open) = self.open.remove(&about) {
                self.revision += 1;
                open.finding.revision = self.revision;
                open.finding.resolved = true;
                self.resolved.push(open.finding);
            }
        }
        let too_many = self.resolved.len().saturating_sub(MAX_RESOLVED);
        self.resolved.drain(..too_many);
        // A dropped finding that lasts is found again, and sets it again if the list is still full.
        self.is_cut &= self.open.len() >= MAX_OPEN;
    }

    /// Returns the bound of the list if it dropped findings.
    pub(super) fn truncated_at(&self) -> Option<u64> {
        self.is_cut.then_some(MAX_OPEN as u64)
    }

    /// Returns the findings, those in progress first, the worst of them first.
    pub(super) fn items(&self) -> Vec<Finding> {
        let open = self.open.values().map(|open| &open.finding);
        let mut items: Vec<Finding> = open.chain(&self.resolved).cloned().collect();
        items.sort_by_key(|one| (one.resolved, Reverse((one.severity, one.number))));
        items
    }
}
