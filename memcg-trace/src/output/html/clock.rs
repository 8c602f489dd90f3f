//! Times of day of a span of time.

use crate::model::snapshot::Snapshot;
use crate::units;

/// A moment by both of its clocks, from which others are reckoned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    mono_ns: u64,
    unix_ns: i64,
}

impl Clock {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        Self {
            mono_ns: snapshot.mono_ns,
            unix_ns: snapshot.unix_ns,
        }
    }

    /// The day and the time of a moment, CLOCK_MONOTONIC.
    pub(super) fn at(self, mono_ns: u64) -> String {
        let away = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
        let unix_ns = match mono_ns.checked_sub(self.mono_ns) {
            Some(later) => self.unix_ns.saturating_add(away(later)),
            None => self.unix_ns.saturating_sub(away(self.mono_ns - mono_ns)),
        };
        units::clock(unix_ns)
    }

    /// The day and the time of the moment from which others are reckoned: the end of the span.
    pub(super) fn end(self) -> String {
        units::clock(self.unix_ns)
    }

    /// The same without the day.
    pub(super) fn time(self, mono_ns: u64) -> String {
        let at = self.at(mono_ns);
        at.split_once(' ')
            .map_or(at.clone(), |(_, time)| time.to_owned())
    }
}
