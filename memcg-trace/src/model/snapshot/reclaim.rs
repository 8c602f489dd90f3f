//! Reclaim: its waiters, and the memcgs that it takes memory from.

use std::sync::Arc;

use super::MemcgId;
use crate::sample::reclaim::{ReclaimCount, Stall, StalledTask};

/// Reclaim for one cause, under one limit, as far as it concerns one memcg.
#[derive(Clone, Debug, PartialEq)]
pub struct Reclaim {
    /// The memcg whose tasks wait, and whose pages are reclaimed; `None` if it could not be read.
    pub memcg: Option<Arc<MemcgId>>,
    /// The memcg whose limit it is; `None` without a limit.
    pub limited_by: Option<Arc<MemcgId>>,
    /// The sums.
    pub count: ReclaimCount,
    /// Whether pages are counted.
    pub counts_pages: bool,
    /// Whether sleeps over `memory.high` are counted.
    pub counts_throttles: bool,
    /// Nanoseconds waited a second, over the last interval.
    pub stall_ns_per_sec: Option<f64>,
    /// Pages scanned a second, over the last interval.
    pub scanned_pages_per_sec: Option<f64>,
    /// Nanoseconds waited in each of the last intervals, oldest first.
    pub recent_stall_ns: Vec<u64>,
    /// Tasks of the memcg that waited longest, for any cause.
    pub worst_tasks: Vec<StalledTask>,
    /// Tasks that wait for it at the moment, the longest first.
    pub stalls: Vec<Stall>,
    /// `memory.current` of the memcg, as of the last walk.
    pub usage_bytes: Option<u64>,
    /// Its `memory.high`.
    pub high_bytes: Option<u64>,
    /// Its `memory.max`.
    pub max_bytes: Option<u64>,
    /// Time that some of its tasks, or all of them, waited for memory since it was made, by the
    /// kernel's own account (PSI).
    pub pressure: Option<Pressure>,
}

/// The kernel's own account of time lost for lack of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// Time in which some task waited.
    pub some_ns_total: u64,
    /// Time in which all tasks waited.
    pub full_ns_total: u64,
}

impl Reclaim {
    /// Returns the distance of the usage to `memory.high`, or to `memory.max` if that is lower;
    /// negative beyond it. `None` without a limit.
    #[must_use]
    pub fn headroom_bytes(&self) -> Option<i64> {
        let limits = [self.high_bytes, self.max_bytes].into_iter().flatten();
        let limit = limits
            .filter(|limit| *limit < super::UNLIMITED_BYTES)
            .min()?;
        let [limit, usage] = [limit, self.usage_bytes?].map(i64::try_from);
        Some(limit.ok()?.saturating_sub(usage.ok()?))
    }

    /// Returns the share of scanned pages that were reclaimed; `None` without scanned pages.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "shown as a percentage")]
    pub fn efficiency(&self) -> Option<f64> {
        let ReclaimCount {
            scanned_pages_total: scanned,
            reclaimed_pages_total: reclaimed,
            ..
        } = self.count;
        (self.counts_pages && scanned > 0).then(|| reclaimed as f64 / scanned as f64)
    }
}
