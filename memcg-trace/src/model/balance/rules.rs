//! All rules: each sees every sample, and all add to one list of findings.

use std::sync::Arc;

use super::list::List;
use super::memcgs::MemcgRules;
use super::moment::Moment;
use super::oom;
use super::shrinkers::ShrinkerRules;
use crate::model::snapshot::{Finding, FindingKind, Memcg, Section, Slab, Source};
use crate::model::tree::Tree;
use crate::sample::Sample;

/// Default share of `memory.high` at which usage becomes a finding.
pub const NEAR_HIGH: f64 = 0.95;

/// The findings so far, and the state of the rules.
#[derive(Debug)]
pub(in crate::model) struct Balance {
    list: List,
    shrinkers: ShrinkerRules,
    memcgs: MemcgRules,
    past: oom::Past,
    last_ns: Option<u64>,
}

impl Balance {
    /// `near_high` is the share of `memory.high` at which usage becomes a finding.
    pub(in crate::model) fn new(near_high: f64) -> Self {
        Self {
            list: List::default(),
            shrinkers: ShrinkerRules::default(),
            memcgs: MemcgRules::new(near_high),
            past: oom::Past::default(),
            last_ns: None,
        }
    }

    /// Takes in a sample, after the sections that it changes.
    pub(in crate::model) fn read(
        &mut self,
        sample: &Sample,
        tree: &Tree,
        memcgs: &Section<Memcg>,
        slab: &Section<Slab>,
    ) {
        let now_ns = sample.mono_ns;
        let before_ns = self.last_ns.replace(now_ns);
        let interval_ns = before_ns.and_then(|before_ns| now_ns.checked_sub(before_ns));
        let Some(interval_ns) = interval_ns.filter(|interval_ns| *interval_ns > 0) else {
            return;
        };
        let moment = Moment {
            now_ns,
            interval_ns,
            sample,
            tree,
            memcgs: &memcgs.items,
            slab,
        };
        self.shrinkers.on_sample(&moment, &mut self.list);
        self.memcgs.on_sample(&moment, &mut self.list);
        self.past.inheritance.on_sample(&moment);
        for kill in sample.oom_kills.iter().flatten() {
            oom::report(kill, &self.past, &moment, &mut self.list);
        }
        self.past.growth.on_sample(&moment);
        self.list.close_ended(now_ns, |kind| can_show(kind, sample));
    }

    /// Returns `others` with these findings added. If `others` is not known, the section has these
    /// findings, and the reason why the others are missing.
    pub(in crate::model) fn join(&self, others: Arc<Section<Finding>>) -> Arc<Section<Finding>> {
        let mut items = self.list.items();
        if items.is_empty() {
            return others;
        }
        items.extend(others.items.iter().cloned());
        items.sort_by_key(|one| (one.resolved, std::cmp::Reverse(one.severity)));
        let source = match others.is_known() {
            true => others.source,
            false => Source::Event,
        };
        Arc::new(Section {
            source,
            as_of_ns: others.as_of_ns.or(self.last_ns),
            truncated_at: others.truncated_at.or(self.list.truncated_at()),
            ..others.with_items(items)
        })
    }
}

/// Returns whether a sample has the facts for findings of a kind.
fn can_show(kind: FindingKind, sample: &Sample) -> bool {
    match kind {
        FindingKind::NearHigh | FindingKind::Sawtooth | FindingKind::LopsidedReclaim => {
            sample.memcgs.is_some()
        }
        FindingKind::SmallCacheOverScan | FindingKind::FruitlessScanning => {
            sample.shrinkers.is_some()
        }
        FindingKind::BlockedShrinker | FindingKind::DeadWeight => sample.reclaim.is_some(),
        // These end by time alone.
        FindingKind::ZombieGrowth | FindingKind::Oom => true,
    }
}
