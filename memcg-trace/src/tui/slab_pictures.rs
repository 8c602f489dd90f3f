//! Pictures of the selected row of slab.

use super::picture::Picture;
use super::slab_rates::SlabRates;
use crate::model::snapshot::slab::part;
use crate::model::snapshot::{Slab, SlabCache};
use crate::units;

/// Recent rates of a row, and its part of all slabs.
pub(super) fn of_row(row: &Slab, rates: &SlabRates, caches: &[SlabCache]) -> Vec<Picture> {
    let both = [rates.of(row, 0), rates.of(row, 1)];
    // One scale for both, so that their shapes can be compared.
    let most = both.iter().flatten().flatten().copied().max();
    let [allocs, frees] = both;
    let text = |rate| match most {
        Some(most) => format!(
            "{} a second; a full bar is {}",
            units::rate(rate),
            units::count(Some(most))
        ),
        None => format!("{} a second", units::rate(rate)),
    };
    vec![
        Picture::bars("charged", allocs, text(row.alloc_per_sec)).up_to(most),
        Picture::bars("uncharged", frees, text(row.free_per_sec)).up_to(most),
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

/// Bytes of all slabs.
pub(super) fn all_bytes(caches: &[SlabCache]) -> u64 {
    let all = caches.iter().map(SlabCache::slab_bytes);
    all.fold(0, u64::saturating_add)
}

/// A part of all slabs.
fn of_all(bytes: Option<u64>, caches: &[SlabCache]) -> Picture {
    let all = all_bytes(caches);
    let share = bytes.and_then(|bytes| part(bytes, all));
    let [bytes, all] = [bytes, share.map(|_| all)].map(units::bytes);
    Picture::part("of all slabs", share, format!("{bytes} of {all}"))
}
