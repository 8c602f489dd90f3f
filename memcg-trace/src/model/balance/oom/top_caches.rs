//! The caches that hold most of the slab of a memcg and those below it.

use std::collections::HashMap;

use crate::model::balance::moment::Moment;
use crate::model::snapshot::{MemcgId, Slab};
use crate::units;

/// The number of caches that are named.
const TOP_CACHES: usize = 5;

/// Caches by their bytes, largest first.
#[derive(Debug)]
pub(super) struct TopCaches {
    caches: Vec<(String, u64)>,
    /// When they were counted: so long after the kill, or so long before it.
    pub(super) as_of: Option<Result<u64, u64>>,
}

impl TopCaches {
    pub(super) fn texts(&self) -> Vec<String> {
        let caches = self.caches.iter();
        caches
            .map(|(cache, bytes)| format!("{cache} {}", units::bytes(Some(*bytes))))
            .collect()
    }

    /// The largest cache.
    pub(super) fn first(&self) -> Option<(&str, u64)> {
        self.caches
            .first()
            .map(|(cache, bytes)| (cache.as_str(), *bytes))
    }
}

/// Returns the caches of a memcg at a kill: those of the last walk of all slabs, with the events
/// since, or what was charged since the tool began and is not uncharged, if that is more.
pub(super) fn of(limit: Option<&MemcgId>, kill_ns: u64, moment: &Moment<'_>) -> TopCaches {
    let mut caches: HashMap<String, u64> = HashMap::new();
    for row in &moment.slab.items {
        let memcg = row.memcg.as_deref();
        let is_below = limit.is_none_or(|limit| memcg.is_some_and(|one| one.is_in(limit)));
        if let (Some(bytes), true) = (bytes(row), memcg.is_some() && is_below) {
            let sum = caches.entry(row.cache.display().into_owned()).or_default();
            *sum = sum.saturating_add(bytes);
        }
    }
    let mut caches: Vec<_> = caches.into_iter().filter(|(_, bytes)| *bytes > 0).collect();
    caches.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    caches.truncate(TOP_CACHES);
    let as_of = moment.slab.as_of_ns;
    TopCaches {
        caches,
        as_of: as_of.map(|ns| ns.checked_sub(kill_ns).ok_or_else(|| kill_ns - ns)),
    }
}

fn bytes(row: &Slab) -> Option<u64> {
    let since = || -> Option<u64> {
        let objects = row.alloc_total?.checked_sub(row.free_total?)?;
        Some(objects.saturating_mul(row.size_bytes?.into()))
    };
    // A walk may have missed what came meanwhile; what came since the start and is not
    // uncharged is there for sure.
    row.bytes().max(since())
}
