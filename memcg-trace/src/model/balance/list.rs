//! Findings that go on, and those that have stopped.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use crate::model::snapshot::{Figure, Figures, Finding, FindingKind, MemcgId, Severity};

/// Findings that go on at a time: more than anyone reads.
const OPEN: usize = 64;
/// Findings that are remembered once they have stopped.
const RESOLVED: usize = 32;
/// Figures that change are told again after so long, not with every sample.
const AGAIN_NS: u64 = 10_000_000_000;

/// What a finding is about: two of the same kind and about the same are one.
pub(super) type About = (FindingKind, [u64; 4]);

/// What is found at one moment.
pub(super) struct Fresh {
    pub(super) severity: Severity,
    pub(super) memcg: Option<Arc<MemcgId>>,
    pub(super) sentence: String,
    pub(super) figures: Vec<(&'static str, Figure)>,
    /// When it began.
    pub(super) first_ns: u64,
    /// Until when it is not over, though nobody finds it again.
    pub(super) lasts_until_ns: u64,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct List {
    open: HashMap<About, Open>,
    resolved: Vec<Finding>,
    number: u64,
    revision: u64,
    /// Whether something was found for which there was no room.
    is_cut: bool,
}

#[derive(Debug)]
struct Open {
    finding: Finding,
    told_ns: u64,
    lasts_until_ns: u64,
}

impl List {
    /// Something is found, again or for the first time.
    pub(super) fn find(&mut self, about: About, now_ns: u64, fresh: Fresh) {
        let revision = self.revision + 1;
        if let Some(open) = self.open.get_mut(&about) {
            let finding = &mut open.finding;
            let is_due = now_ns.saturating_sub(open.told_ns) >= AGAIN_NS;
            if is_due || fresh.severity > finding.severity {
                self.revision = revision;
                finding.revision = revision;
                open.told_ns = now_ns;
            }
            finding.severity = finding.severity.max(fresh.severity);
            finding.sentence = fresh.sentence;
            finding.figures = Figures::Named(fresh.figures);
            finding.last_ns = now_ns;
            open.lasts_until_ns = fresh.lasts_until_ns;
            return;
        }
        if self.open.len() >= OPEN {
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
            told_ns: now_ns,
            lasts_until_ns: fresh.lasts_until_ns,
        };
        self.open.insert(about, open);
    }

    /// Whether it goes on.
    pub(super) fn is_open(&self, about: &About) -> bool {
        self.open.contains_key(about)
    }

    /// Closes those that nobody has found again in time, of the kinds that were looked for just now:
    /// what was not looked at again is not over.
    pub(super) fn settle(&mut self, now_ns: u64, looked_for: impl Fn(FindingKind) -> bool) {
        let is_over =
            |(about, open): &(&About, &Open)| looked_for(about.0) && now_ns > open.lasts_until_ns;
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
        let too_many = self.resolved.len().saturating_sub(RESOLVED);
        self.resolved.drain(..too_many);
        // What goes on is found again, if there is still no room for it.
        self.is_cut &= self.open.len() >= OPEN;
    }

    /// How many there are of more that there was no room for.
    pub(super) fn truncated_at(&self) -> Option<u64> {
        self.is_cut.then_some(OPEN as u64)
    }

    /// Those that go on first, the worst of them first.
    pub(super) fn items(&self) -> Vec<Finding> {
        let open = self.open.values().map(|open| &open.finding);
        let mut items: Vec<Finding> = open.chain(&self.resolved).cloned().collect();
        items.sort_by_key(|one| (one.resolved, Reverse((one.severity, one.number))));
        items
    }
}
