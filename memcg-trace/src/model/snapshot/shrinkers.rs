//! What shrinkers did.

use std::sync::Arc;

use super::MemcgId;
use crate::sample::Text;
use crate::sample::reclaim::Cause;

/// What a shrinker did for a memcg on a node, since the start of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Shrinker {
    /// For whom; `None` where reclaim was global.
    pub memcg: Option<Arc<MemcgId>>,
    /// Symbol of `scan_objects`, or its address in hexadecimal.
    pub shrinker: String,
    /// Filesystem of a superblock's shrinker.
    pub fs: Option<Text>,
    /// Its device.
    pub dev: Option<String>,
    /// NUMA node.
    pub node: u32,
    /// Whether it looks at one memcg at a time.
    pub memcg_aware: Option<bool>,
    /// Times it was asked.
    pub calls_total: Option<u64>,
    /// Objects it was to scan.
    pub asked_objects_total: u64,
    /// Objects it scanned.
    pub scanned_objects_total: u64,
    /// Objects it freed.
    pub freed_objects_total: u64,
    /// Time it took.
    pub time_ns_total: u64,
    /// The longest run.
    pub max_ns: u64,
    /// Objects scanned a second over the last interval.
    pub scanned_per_sec: Option<f64>,
    /// Objects scanned in each of the last intervals, oldest first.
    pub recent_scanned: Vec<u64>,
    /// Why.
    pub cause: Cause,
    /// The median of its runs; within an eighth.
    pub p50_ns: Option<u64>,
    /// What one run in a hundred is longer than; likewise.
    pub p99_ns: Option<u64>,
    /// Runs that found something to free.
    pub runs_total: Option<u64>,
    /// What there was to free when the last of them began.
    pub freeable_objects: Option<u64>,
    /// What was put off to later runs when the last of them ended.
    pub deferred_objects: Option<u64>,
    /// Runs by the priority of reclaim, from 0, the most urgent.
    pub priorities: Vec<u64>,
}

impl Shrinker {
    /// Freed of what was scanned; `None` where nothing was.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "shown as a percentage")]
    pub fn yielded(&self) -> Option<f64> {
        let (freed, scanned) = (self.freed_objects_total, self.scanned_objects_total);
        (scanned > 0).then(|| freed as f64 / scanned as f64)
    }
}
