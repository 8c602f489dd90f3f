//! Records of slab: what memcgs hold, what caches are like, what was inherited.

use std::borrow::Cow;

use serde::Serialize;

use super::{MemcgName, Name, rounded};
use crate::model::snapshot::{self, slab::PAGE_BYTES};
use crate::sample::Text;

/// Objects of a cache charged to a memcg: what there is by the last walk of all slabs and the
/// events since, pages as of that walk, and what events counted.
#[derive(Debug, Serialize)]
pub struct Slab<'a> {
    #[serde(flatten)]
    memcg: MemcgName<'a>,
    cache: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_hex: Option<String>,
    objects: Option<u64>,
    bytes: Option<u64>,
    touched_pages: Option<u64>,
    owned_pages: Option<u64>,
    share_bytes: Option<u64>,
    utilization: Option<f64>,
    alloc_total: Option<u64>,
    free_total: Option<u64>,
    alloc_per_sec: Option<f64>,
    free_per_sec: Option<f64>,
    uncertain_objects: Option<u64>,
    charged_bytes: Option<u64>,
    inherited_objects: Option<u64>,
    drift_objects: Option<i64>,
}

impl<'a> From<&'a snapshot::Slab> for Slab<'a> {
    fn from(row: &'a snapshot::Slab) -> Self {
        let (cache, held) = (Name::of(Some(&row.cache)), row.held.as_ref());
        Self {
            memcg: MemcgName::of(row.memcg.as_deref()),
            cache: cache.text,
            cache_hex: cache.hex,
            objects: row.objects(),
            bytes: row.bytes(),
            touched_pages: held.map(|held| held.share.touched_pages),
            owned_pages: held.map(|held| held.share.owned_pages),
            share_bytes: row.share_bytes(),
            utilization: rounded(row.utilization()),
            alloc_total: row.alloc_total,
            free_total: row.free_total,
            alloc_per_sec: rounded(row.alloc_per_sec),
            free_per_sec: rounded(row.free_per_sec),
            uncertain_objects: held.and_then(|held| held.uncertain_objects),
            charged_bytes: row.charged_bytes(),
            inherited_objects: row.inherited_objects(),
            drift_objects: held.and_then(|held| held.drift_objects),
        }
    }
}

/// A cache and its slabs.
#[derive(Debug, Serialize)]
pub struct SlabCache<'a> {
    cache: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_hex: Option<String>,
    object_bytes: u32,
    slab_pages: u64,
    live_objects: u64,
    inuse_objects: u64,
    unaccounted_objects: u64,
    freeable_pages: Option<u64>,
    utilization: Option<f64>,
    /// What an object takes in the slab; `object_bytes` is what was asked for.
    size_bytes: u32,
    order: u32,
    slabs: u64,
    changed_slabs: u64,
    capacity_objects: u64,
    /// Counted by the slabs as given away, and free in the hands of CPUs.
    cached_objects: u64,
    charged_objects: u64,
    unaccounted_share_bytes: u64,
    unaccounted_touched_pages: u64,
    unaccounted_owned_pages: u64,
    /// Other caches that the kernel merged with it.
    aliases: Vec<Cow<'a, str>>,
    #[serde(flatten)]
    reclaim: Reclaimable,
}

/// How the bytes of some slabs are split by whether they could be reclaimed, and if not, why.
#[derive(Debug, Serialize)]
pub struct Reclaimable {
    reclaimable_bytes: Option<u64>,
    in_use_bytes: Option<u64>,
    shared_page_bytes: Option<u64>,
    no_shrinker_bytes: Option<u64>,
    not_memcg_aware_bytes: Option<u64>,
    free_bytes: Option<u64>,
}

impl From<Option<snapshot::Reclaimable>> for Reclaimable {
    fn from(reclaim: Option<snapshot::Reclaimable>) -> Self {
        Self {
            reclaimable_bytes: reclaim.map(|of| of.reclaimable_bytes),
            in_use_bytes: reclaim.map(|of| of.in_use_bytes),
            shared_page_bytes: reclaim.map(|of| of.shared_page_bytes),
            no_shrinker_bytes: reclaim.map(|of| of.no_shrinker_bytes),
            not_memcg_aware_bytes: reclaim.map(|of| of.not_memcg_aware_bytes),
            free_bytes: reclaim.map(|of| of.free_bytes),
        }
    }
}

impl<'a> From<&'a snapshot::SlabCache> for SlabCache<'a> {
    fn from(row: &'a snapshot::SlabCache) -> Self {
        let (name, walked) = (Name::of(Some(&row.name)), &row.walked);
        Self {
            cache: name.text,
            cache_hex: name.hex,
            object_bytes: walked.object_bytes,
            slab_pages: walked.slab_pages,
            live_objects: row.live_objects(),
            inuse_objects: walked.inuse_objects,
            unaccounted_objects: walked.unaccounted.objects,
            freeable_pages: row.freeable_pages(),
            utilization: rounded(row.utilization()),
            size_bytes: walked.size_bytes,
            order: walked.order,
            slabs: walked.slabs,
            changed_slabs: walked.changed_slabs,
            capacity_objects: walked.capacity_objects,
            cached_objects: walked.cached_objects,
            charged_objects: walked.charged_objects,
            unaccounted_share_bytes: walked.unaccounted.share_bytes,
            unaccounted_touched_pages: walked.unaccounted.touched_pages,
            unaccounted_owned_pages: walked.unaccounted.owned_pages,
            aliases: walked.aliases.iter().map(Text::display).collect(),
            reclaim: row.reclaimable().into(),
        }
    }
}

/// What a memcg is charged for since children of it died.
#[derive(Debug, Serialize)]
pub struct Inherited<'a> {
    #[serde(flatten)]
    memcg: MemcgName<'a>,
    inherited_bytes: u64,
    objcgs: u64,
    slab_objects: u64,
    slab_bytes: u64,
    kernel_pages: Option<u64>,
    kernel_bytes: Option<u64>,
    lru_pages: Option<u64>,
    lru_bytes: Option<u64>,
}

impl<'a> From<&'a snapshot::Inherited> for Inherited<'a> {
    fn from(row: &'a snapshot::Inherited) -> Self {
        let bytes = |pages: Option<u64>| pages.map(|pages| pages.saturating_mul(PAGE_BYTES));
        Self {
            memcg: MemcgName::of(Some(&row.memcg)),
            inherited_bytes: row.bytes(),
            objcgs: row.objcgs,
            slab_objects: row.slab_objects,
            slab_bytes: row.slab_bytes,
            kernel_pages: row.kernel_pages,
            kernel_bytes: bytes(row.kernel_pages),
            lru_pages: row.lru_pages,
            lru_bytes: bytes(row.lru_pages),
        }
    }
}
