//! The table of slab objects, per memcg and cache.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::columns::Column;
use super::picture::Picture;
use super::row_trend::RowTrend;
use crate::model::snapshot::slab::part;
use crate::model::snapshot::{Slab, SlabCache};
use crate::output::names;
use crate::units;

pub(super) const COLUMNS: &[Column<Slab>] = &[
    Column::new("path", 0, 0),
    Column::new("cache", 20, 1),
    Column::new("objects", 8, 2),
    Column::new("share_bytes", 10, 5),
    Column::new("utilization", 5, 6),
    Column::new("inherited_objects", 9, 9),
    Column::new("alloc_per_sec", 8, 3),
    Column::new("free_per_sec", 8, 4),
    Column::new("alloc_total", 8, 8),
    Column::new("free_total", 8, 10),
    Column::new("net_objects", 8, 7),
    Column::new("net_bytes", 10, 11),
];

/// Recent rates of a row, and its part of all slabs.
pub(super) fn of_row(row: &Slab, trend: &RowTrend, caches: &[SlabCache]) -> Vec<Picture> {
    let rate = |rate| format!("{} a second, since it was selected", units::rate(rate));
    vec![
        Picture::bars("charged", trend.values(0), rate(row.alloc_per_sec)),
        Picture::bars("uncharged", trend.values(1), rate(row.free_per_sec)),
        of_all(row.share_bytes(), caches),
    ]
}

/// The part of a cache that is in use, and its part of all slabs.
pub(super) fn of_cache(cache: &SlabCache, caches: &[SlabCache]) -> Vec<Picture> {
    let [live, slabs] = [cache.live_bytes(), cache.slab_bytes()].map(|one| units::bytes(Some(one)));
    vec![
        Picture::part("in use", cache.utilization(), format!("{live} of {slabs}")),
        of_all(Some(cache.slab_bytes()), caches),
    ]
}

/// A part of all slabs.
fn of_all(bytes: Option<u64>, caches: &[SlabCache]) -> Picture {
    let all = caches.iter().map(SlabCache::slab_bytes);
    let all = all.fold(0, u64::saturating_add);
    let share = bytes.and_then(|bytes| part(bytes, all));
    let [bytes, all] = [bytes, share.map(|_| all)].map(units::bytes);
    Picture::part("of all slabs", share, format!("{bytes} of {all}"))
}

/// Whether a row contains the filter's text, which is lower case.
pub(super) fn matches(row: &Slab, filter: &str) -> bool {
    names::path(row.memcg.as_deref())
        .to_lowercase()
        .contains(filter)
        || row.cache.display().to_lowercase().contains(filter)
}

/// Identity of a row, which keeps the selection on it.
pub(super) fn identity(row: &Slab) -> u64 {
    let mut hasher = DefaultHasher::new();
    row.memcg
        .as_ref()
        .map(|memcg| memcg.serial_nr)
        .hash(&mut hasher);
    row.cache.hash(&mut hasher);
    hasher.finish()
}
