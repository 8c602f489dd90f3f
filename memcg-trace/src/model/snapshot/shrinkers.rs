//! Runs of shrinkers.

use std::sync::Arc;

use super::MemcgId;
use crate::sample;

/// The runs of a shrinker for a memcg on a node, since the start.
#[derive(Clone, Debug, PartialEq)]
pub struct Shrinker {
    /// The memcg that reclaim was for; `None` where reclaim was global.
    pub memcg: Option<Arc<MemcgId>>,
    /// Symbol of `scan_objects`, or its address in hexadecimal.
    pub shrinker: String,
    /// The sums.
    pub count: sample::Shrinker,
    /// Objects scanned a second over the last interval.
    pub scanned_per_sec: Option<f64>,
    /// Objects scanned in each of the last intervals, oldest first.
    pub recent_scanned: Vec<u64>,
}

impl Shrinker {
    /// Returns the share of scanned objects that were freed; `None` without scanned objects.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "shown as a percentage")]
    pub fn yielded(&self) -> Option<f64> {
        let count = &self.count;
        let (freed, scanned) = (count.freed_objects_total, count.scanned_objects_total);
        (scanned > 0).then(|| freed as f64 / scanned as f64)
    }
}
