//! Findings of zombie growth: their start, their sentence and their end.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use super::growth::Steps;
use super::origin::Origin;
use crate::model::pins::words::grouped;
use crate::model::snapshot::{
    Figures, Finding, FindingKind, Growth, MemcgId, Section, Severity, Source,
};
use crate::sample::MemcgWalk;

/// The most findings in progress: more than anyone reads.
const MAX_OPEN: usize = 64;
/// The number of stopped findings that are remembered.
const MAX_RESOLVED: usize = 16;
/// Walks before the first finding: the base, one that finds zombies, and one that finds them again.
const WALKS: u64 = 3;

/// The least time between two records of a finding whose figures change.
const AGAIN_NS: u64 = 10_000_000_000;

/// A thousand zombies take some hundred megabytes of the kernel, and every round of reclaim and
/// every flush of statistics visits each.
const MANY: u64 = 1000;
/// At one a second there are a thousand in a quarter of an hour.
const FAST_PER_SEC: f64 = 1.0;
/// The growth from which on a rate counts: less may be a burst.
const FAST_GROWN: u64 = 60;

/// All findings.
#[derive(Debug)]
pub(super) struct Findings {
    open: HashMap<Origin, Open>,
    resolved: Vec<Finding>,
    /// Findings so far.
    number: u64,
    revision: u64,
    walks: u64,
    section: Arc<Section<Finding>>,
}

#[derive(Debug)]
struct Open {
    finding: Finding,
    growth: Growth,
    /// Walks that found more.
    times: u64,
    reported_ns: u64,
}

impl Findings {
    pub(super) fn new() -> Self {
        Self {
            open: HashMap::new(),
            resolved: Vec::new(),
            number: 0,
            revision: 0,
            walks: 1,
            section: Arc::new(Section::absent("finding", "needs three walks")),
        }
    }

    pub(super) fn section(&self) -> Arc<Section<Finding>> {
        Arc::clone(&self.section)
    }

    pub(super) fn mark_absent(&mut self, reason: &str) {
        if self.section.is_known() || self.section.reason.as_deref() != Some(reason) {
            self.section = Arc::new(Section::absent("finding", reason));
        }
    }

    pub(super) fn is_open(&self, origin: &Origin) -> bool {
        self.open.contains_key(origin)
    }

    /// Opens a finding: the zombies of an origin grow in number.
    pub(super) fn open(
        &mut self,
        origin: &Origin,
        memcg: Option<&Arc<MemcgId>>,
        figures: Growth,
        (first_ns, now_ns): (u64, u64),
    ) {
        if self.open.len() >= MAX_OPEN {
            return;
        }
        self.number += 1;
        self.revision += 1;
        let mut finding = Finding {
            number: self.number,
            revision: self.revision,
            kind: FindingKind::ZombieGrowth,
            severity: Severity::Warn,
            memcg: memcg.map(Arc::clone),
            sentence: String::new(),
            figures: Figures::Growth(Growth::default()),
            first_ns,
            last_ns: now_ns,
            resolved: false,
        };
        let mut growth = figures;
        conclude(&mut finding, &mut growth);
        let open = Open {
            finding,
            growth,
            times: 1,
            reported_ns: now_ns,
        };
        self.open.insert(origin.clone(), open);
    }

    /// Adds another walk to the finding of an origin. Returns whether the growth is over.
    pub(super) fn continue_with(
        &mut self,
        origin: &Origin,
        more: Growth,
        (now_ns, gap_ns): (u64, u64),
    ) -> bool {
        let Some(open) = self.open.get_mut(origin) else {
            return false;
        };
        let finding = &mut open.finding;
        let before = (open.growth.clone(), finding.severity);
        let add = |sum: Option<u64>, more: Option<u64>| match (sum, more) {
            (Some(sum), Some(more)) => Some(sum.saturating_add(more)),
            (sum, more) => sum.or(more),
        };
        let sum = &before.0;
        open.growth = Growth {
            grown: sum.grown.saturating_add(more.grown),
            gone: sum.gone.saturating_add(more.gone),
            births: add(sum.births, more.births),
            deaths: add(sum.deaths, more.deaths),
            creator_comm: more.creator_comm.or_else(|| sum.creator_comm.clone()),
            ..more
        };
        if more.grown > more.gone {
            finding.last_ns = now_ns;
            open.times += 1;
        }
        let times = (finding.first_ns, finding.last_ns);
        finding.resolved = Steps::has_stopped(now_ns, gap_ns, times, open.times);
        conclude(finding, &mut open.growth);
        let is_due = now_ns.saturating_sub(open.reported_ns) >= AGAIN_NS && open.growth != before.0;
        if is_due || finding.resolved || finding.severity != before.1 {
            self.revision += 1;
            finding.revision = self.revision;
            open.reported_ns = now_ns;
        }
        let is_over = finding.resolved;
        if is_over && let Some(open) = self.open.remove(origin) {
            self.resolved.push(open.finding);
            if self.resolved.len() > MAX_RESOLVED {
                self.resolved.remove(0);
            }
        }
        is_over
    }

    /// Puts the findings into their section, after a walk.
    pub(super) fn publish(&mut self, walk: &MemcgWalk) {
        self.walks += 1;
        if self.walks < WALKS {
            return;
        }
        let open = self.open.values().map(|open| &open.finding);
        let mut items: Vec<Finding> = open.chain(&self.resolved).cloned().collect();
        items.sort_by_key(|one| (one.resolved, Reverse((one.severity, one.number))));
        self.section = Arc::new(Section {
            name: "finding",
            source: Source::Walk,
            as_of_ns: Some(walk.end_ns),
            took_ns: None,
            visited: Some(self.number),
            truncated_at: (self.open.len() >= MAX_OPEN).then_some(MAX_OPEN as u64),
            reason: None,
            items,
        });
    }
}

/// Derives severity and sentence from the figures.
#[expect(
    clippy::cast_precision_loss,
    reason = "a rate is shown with three digits"
)]
fn conclude(finding: &mut Finding, figures: &mut Growth) {
    let took_ns = finding.last_ns.saturating_sub(finding.first_ns);
    figures.grown_per_sec = (took_ns > 0).then(|| figures.grown as f64 * 1e9 / took_ns as f64);
    let is_fast = figures.grown >= FAST_GROWN
        && figures
            .grown_per_sec
            .is_some_and(|rate| rate >= FAST_PER_SEC);
    finding.severity = if is_fast || figures.survivors >= MANY {
        Severity::Critical
    } else {
        Severity::Warn
    };
    finding.sentence = sentence(finding, figures, took_ns);
    finding.figures = Figures::Growth(figures.clone());
}

fn sentence(finding: &Finding, figures: &Growth, took_ns: u64) -> String {
    let comm = figures.creator_comm.as_ref().map(|comm| comm.display());
    let (what, made_by) = match (&finding.memcg, comm) {
        (Some(memcg), Some(comm)) => (
            format!("removed from {}", memcg.shown()),
            format!(", the last made by {comm}"),
        ),
        (Some(memcg), None) => (format!("removed from {}", memcg.shown()), String::new()),
        (None, comm) => {
            let comm = comm.unwrap_or_default();
            (format!("that {comm} made and were removed"), String::new())
        }
    };
    let (stay, end) = match finding.resolved {
        true => ("stayed", ", and no more since"),
        false => ("stay", ""),
    };
    format!(
        "cgroups {what} {stay} in memory: {} more within {}, {} of them now{made_by}{end}",
        grouped(figures.grown),
        seconds(took_ns),
        grouped(figures.survivors),
    )
}

/// Returns a duration in words: `3 s`, `12 min`.
fn seconds(ns: u64) -> String {
    let seconds = ns.div_ceil(1_000_000_000);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", grouped(seconds / 3600)),
    }
}
