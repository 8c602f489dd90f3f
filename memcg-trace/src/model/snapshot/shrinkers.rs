//! What shrinkers did.

use std::sync::Arc;

use super::MemcgId;
use crate::sample;

/// What a shrinker did for a memcg on a node, since the start of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Shrinker {
    /// For whom; `None` where reclaim was global.
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
    /// Freed of what was scanned; `None` where nothing was.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "shown as a percentage")]
    pub fn yielded(&self) -> Option<f64> {
        let count = &self.count;
        let (freed, scanned) = (count.freed_objects_total, count.scanned_objects_total);
        (scanned > 0).then(|| freed as f64 / scanned as f64)
    }
}
