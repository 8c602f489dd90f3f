//! Keeps of the snapshots of a span of time the part that a page needs, within bounds.

use std::sync::Arc;

use super::clock::Clock;
use super::deadlocks::Deadlocks;
use super::findings::Findings;
use super::peaks::Peaks;
use crate::model::snapshot::{SlabCache, Snapshot};
use crate::output::plotted::{self, COUNT};
use crate::output::timeline::Timeline;

/// The snapshots of a span of time, gathered for a page.
#[derive(Debug)]
pub struct Gathered {
    pub(super) first: Arc<Snapshot>,
    pub(super) last: Arc<Snapshot>,
    pub(super) snapshots: u64,
    pub(super) timeline: Timeline<COUNT>,
    pub(super) peaks: Peaks,
    pub(super) findings: Findings,
    pub(super) deadlocks: Deadlocks,
    /// The last one with the most zombies, of those with pins if there are any.
    pub(super) most_dead: Arc<Snapshot>,
    /// The last one with the most memory of slabs.
    pub(super) most_slab: Arc<Snapshot>,
}

impl Gathered {
    /// Begins with the first snapshot of the span.
    #[must_use]
    pub fn beginning_with(first: &Arc<Snapshot>) -> Self {
        let mut gathered = Self {
            first: Arc::clone(first),
            last: Arc::clone(first),
            snapshots: 0,
            timeline: Timeline::beginning_at(first.mono_ns),
            peaks: Peaks::default(),
            findings: Findings::since(first.mono_ns),
            deadlocks: Deadlocks::since(first.mono_ns),
            most_dead: Arc::clone(first),
            most_slab: Arc::clone(first),
        };
        gathered.push(first);
        gathered
    }

    /// Adds the next snapshot.
    pub fn push(&mut self, snapshot: &Arc<Snapshot>) {
        self.snapshots += 1;
        self.timeline
            .push(snapshot.mono_ns, plotted::figures(snapshot));
        self.peaks.push(snapshot);
        self.findings.push(snapshot);
        self.deadlocks.push(snapshot);
        if dead(snapshot) >= dead(&self.most_dead) {
            self.most_dead = Arc::clone(snapshot);
        }
        if slab(snapshot) >= slab(&self.most_slab) {
            self.most_slab = Arc::clone(snapshot);
        }
        self.last = Arc::clone(snapshot);
    }

    /// Returns whether there is anything to show at the end.
    #[must_use]
    pub fn has_figures(&self) -> bool {
        self.last.has_figures()
    }

    pub(super) fn clock(&self) -> Clock {
        Clock::of(&self.last)
    }
}

fn dead(snapshot: &Snapshot) -> (bool, Option<u64>) {
    (!snapshot.pins.items.is_empty(), snapshot.totals.zombies)
}

fn slab(snapshot: &Snapshot) -> u64 {
    let caches = snapshot.slab_caches.items.iter();
    caches
        .map(SlabCache::slab_bytes)
        .fold(0, u64::saturating_add)
}
