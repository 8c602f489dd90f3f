//! The moment that is shown: the newest, one at which the screen was paused, or one of the past.

use std::sync::Arc;

use super::overview::Trends;
use super::travel::{Destination, Travel};
use crate::model::snapshot::Snapshot;

/// Another moment, and what led to it.
#[derive(Debug)]
pub struct Visit {
    /// Its snapshot.
    pub snapshot: Arc<Snapshot>,
    /// The figures before it.
    pub trends: Trends,
    /// The start of the sums in it, CLOCK_MONOTONIC.
    pub since_ns: u64,
}

/// The moment that is shown, and the newest one.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub(super) shown: Option<Arc<Snapshot>>,
    /// The figures up to the moment that is shown.
    pub(super) trends: Trends,
    newest: Option<Arc<Snapshot>>,
    newest_trends: Trends,
    /// Start of the sums of the newest snapshot.
    newest_since_ns: Option<u64>,
    /// Start of the sums of a moment of the past, while one is shown.
    past_since_ns: Option<u64>,
    /// The oldest moment that can be shown.
    pub(super) kept_since_ns: Option<u64>,
    pub(super) is_paused: bool,
    pub(super) has_ended: bool,
    /// The wish that was not passed on yet.
    wish: Option<Travel>,
}

impl Timeline {
    /// Takes the newest snapshot, which is shown unless the screen is paused.
    pub(super) fn take(&mut self, snapshot: Arc<Snapshot>) {
        self.newest_since_ns.get_or_insert(snapshot.mono_ns);
        self.newest_trends.push(&snapshot);
        self.newest = Some(snapshot);
        if !self.is_paused || self.shown.is_none() {
            self.show_newest();
        }
    }

    /// Takes a snapshot with an answer. A paused screen shows the answer, and nothing else of it.
    pub(super) fn answer(&mut self, snapshot: Arc<Snapshot>) {
        if let (true, false, Some(shown)) = (self.is_paused, self.is_past(), &self.shown) {
            let mut shown = Snapshot::clone(shown);
            shown.pins = Arc::clone(&snapshot.pins);
            shown.deadlocks = Arc::clone(&snapshot.deadlocks);
            shown.convoys = Arc::clone(&snapshot.convoys);
            shown.waits = Arc::clone(&snapshot.waits);
            shown.judged.clone_from(&snapshot.judged);
            self.shown = Some(Arc::new(shown));
        }
        self.take(snapshot);
    }

    /// Pauses, or goes back to the newest moment.
    pub(super) fn pause_or_resume(&mut self) {
        self.is_paused = !self.is_paused;
        if !self.is_paused {
            self.wish = None;
            self.show_newest();
        }
    }

    fn show_newest(&mut self) {
        self.past_since_ns = None;
        self.shown.clone_from(&self.newest);
        self.trends.clone_from(&self.newest_trends);
    }

    /// Wishes to see another moment. The screen is paused until the user resumes.
    pub(super) fn go(&mut self, to: Destination) {
        let Some(shown) = &self.shown else { return };
        self.is_paused = true;
        let from_ns = shown.mono_ns;
        self.wish = Some(match (self.wish, to) {
            (
                Some(Travel {
                    to: Destination::Samples(before),
                    ..
                }),
                Destination::Samples(more),
            ) => Travel {
                from_ns,
                to: Destination::Samples(before.saturating_add(more)),
            },
            _ => Travel { from_ns, to },
        });
    }

    /// Takes the wish, which is returned only once.
    pub(super) fn wish(&mut self) -> Option<Travel> {
        self.wish.take()
    }

    /// Shows another moment, unless the user has resumed. A recording continues from there.
    pub(super) fn visit(&mut self, visit: Visit, is_replay: bool) {
        if is_replay {
            self.newest = Some(Arc::clone(&visit.snapshot));
            self.newest_trends = visit.trends.clone();
            self.newest_since_ns = Some(visit.since_ns);
            self.has_ended = false;
        } else if self.is_paused {
            self.past_since_ns = Some(visit.since_ns);
        }
        if is_replay || self.is_paused {
            self.shown = Some(visit.snapshot);
            self.trends = visit.trends;
        }
    }

    /// Returns whether a moment of the past is shown, of a host that can only be asked about now.
    pub(super) fn is_past(&self) -> bool {
        self.past_since_ns.is_some()
    }

    /// Start of the sums that are shown.
    pub(super) fn since_ns(&self) -> Option<u64> {
        self.past_since_ns.or(self.newest_since_ns)
    }

    /// Time from the moment that is shown to the newest one.
    pub(super) fn behind_ns(&self) -> u64 {
        let time = |snapshot: &Option<Arc<Snapshot>>| snapshot.as_ref().map(|one| one.mono_ns);
        let newest = time(&self.newest).unwrap_or(0);
        newest.saturating_sub(time(&self.shown).unwrap_or(newest))
    }

    /// Time from the oldest moment that can be shown to the newest one.
    pub(super) fn reach_ns(&self) -> Option<u64> {
        let newest = self.newest.as_ref()?;
        Some(newest.mono_ns.saturating_sub(self.kept_since_ns?))
    }
}
