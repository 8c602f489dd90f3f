//! Rows of the last walk of all slabs, as lists show them.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::snapshot::slab::part;
use super::snapshot::{MemcgId, Reclaimable, Slab, Snapshot};

/// The slab memory of one memcg.
#[derive(Clone, Debug, Default)]
pub struct MemcgSlab {
    /// The memcg; `None` if it could not be read.
    pub memcg: Option<Arc<MemcgId>>,
    /// The number of caches that it has objects of.
    pub caches: u64,
    /// Objects.
    pub objects: u64,
    /// Bytes of these objects in their slabs, as of the walk.
    pub bytes: u64,
    /// Bytes that it is charged for them.
    pub charged_bytes: u64,
    /// Its share of the pages.
    pub share_bytes: u64,
    /// Objects that were charged to a child that is dead.
    pub inherited_objects: u64,
}

impl MemcgSlab {
    /// Returns the part of its share that its objects take.
    #[must_use]
    pub fn utilization(&self) -> Option<f64> {
        part(self.bytes, self.share_bytes)
    }
}

/// Returns the sums of rows by memcg, the largest share first.
#[must_use]
pub fn by_memcg<'a>(rows: impl Iterator<Item = &'a Slab>) -> Vec<MemcgSlab> {
    let mut sums: BTreeMap<Option<u64>, MemcgSlab> = BTreeMap::new();
    for row in rows {
        let key = row.memcg.as_ref().map(|memcg| memcg.serial_nr);
        let sum = sums.entry(key).or_insert_with(|| MemcgSlab {
            memcg: row.memcg.clone(),
            ..MemcgSlab::default()
        });
        sum.caches += 1;
        for (sum, more) in [
            (&mut sum.objects, row.objects()),
            (&mut sum.bytes, row.walked_bytes()),
            (&mut sum.charged_bytes, row.charged_bytes()),
            (&mut sum.share_bytes, row.share_bytes()),
            (&mut sum.inherited_objects, row.inherited_objects()),
        ] {
            *sum = sum.saturating_add(more.unwrap_or(0));
        }
    }
    let mut sums: Vec<_> = sums.into_values().collect();
    sums.sort_by_key(|sum| Reverse(sum.share_bytes));
    sums
}

/// The sums over all caches.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Caches that have slabs.
    pub caches: u64,
    /// Pages of slabs.
    pub slab_pages: u64,
    /// Objects in use, charged or not.
    pub live_objects: u64,
    /// Bytes of the objects in use.
    pub live_bytes: u64,
    /// Bytes of their slabs.
    pub slab_bytes: u64,
    /// Objects charged to nobody.
    pub unaccounted_objects: u64,
    /// Bytes of the objects charged to nobody.
    pub unaccounted_bytes: u64,
    /// Their share of the pages.
    pub unaccounted_share_bytes: u64,
    /// Pages that would be free if the objects of each cache were packed.
    pub freeable_pages: u64,
    /// Slabs that changed while they were read, and are not counted.
    pub changed_slabs: u64,
    /// Reclaimable bytes of the caches for which they are known.
    pub reclaim: Reclaimable,
    /// Bytes of the slabs of the other caches.
    pub unknown_reclaim_bytes: u64,
}

impl Totals {
    /// Sums up the caches of a snapshot that are called `cache`, or all.
    #[must_use]
    pub fn of(snapshot: &Snapshot, cache: Option<&[u8]>) -> Self {
        let mut totals = Self::default();
        let rows = snapshot.slab_caches.items.iter();
        for row in rows.filter(|row| cache.is_none_or(|cache| row.is_called(cache))) {
            let walked = &row.walked;
            let reclaim = row.reclaimable();
            totals.reclaim.add(&reclaim.unwrap_or_default());
            let unknown_bytes = reclaim.map_or(row.slab_bytes(), |_| 0);
            let unaccounted = &walked.unaccounted;
            for (sum, more) in [
                (&mut totals.caches, 1),
                (&mut totals.slab_pages, walked.slab_pages),
                (&mut totals.live_objects, row.live_objects()),
                (&mut totals.live_bytes, row.live_bytes()),
                (&mut totals.slab_bytes, row.slab_bytes()),
                (&mut totals.unaccounted_objects, unaccounted.objects),
                (
                    &mut totals.unaccounted_bytes,
                    unaccounted.objects.saturating_mul(walked.size_bytes.into()),
                ),
                (&mut totals.unaccounted_share_bytes, unaccounted.share_bytes),
                (
                    &mut totals.freeable_pages,
                    row.freeable_pages().unwrap_or(0),
                ),
                (&mut totals.changed_slabs, walked.changed_slabs),
                (&mut totals.unknown_reclaim_bytes, unknown_bytes),
            ] {
                *sum = sum.saturating_add(more);
            }
        }
        totals
    }

    /// Returns the part of all slabs that objects in use take.
    #[must_use]
    pub fn utilization(&self) -> Option<f64> {
        part(self.live_bytes, self.slab_bytes)
    }

    /// Returns the part of their share that unaccounted objects take.
    #[must_use]
    pub fn unaccounted_utilization(&self) -> Option<f64> {
        part(self.unaccounted_bytes, self.unaccounted_share_bytes)
    }
}

/// Returns the rows whose present objects are known.
pub fn held(snapshot: &Snapshot) -> impl Iterator<Item = &Slab> {
    let rows = snapshot.slab.items.iter();
    rows.filter(|row| {
        row.held
            .is_some_and(|held| held.objects > 0 || held.share.objects > 0)
    })
}

/// The sort order of a list: figures from the largest, words from A; utilization from the lowest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Its share of the pages.
    #[default]
    Share,
    /// Objects.
    Objects,
    /// Bytes of the objects.
    Bytes,
    /// The part of the share that objects take.
    Utilization,
    /// The bytes of the share that objects do not take.
    Waste,
    /// Objects that were charged to a child that is dead.
    Inherited,
    /// Name of the cache.
    Cache,
    /// Path of the memcg.
    Path,
}

impl Order {
    /// Compares two rows: the one that comes first is the lesser.
    #[must_use]
    pub fn compare(self, a: &Slab, b: &Slab) -> Ordering {
        let waste = |row: &Slab| row.share_bytes()?.checked_sub(row.walked_bytes()?);
        match self {
            Self::Share | Self::Path | Self::Cache => Ordering::Equal,
            Self::Objects => b.objects().cmp(&a.objects()),
            Self::Bytes => b.bytes().cmp(&a.bytes()),
            Self::Utilization => {
                let (a, b) = (a.utilization(), b.utilization());
                a.unwrap_or(1.0).total_cmp(&b.unwrap_or(1.0))
            }
            Self::Waste => waste(b).cmp(&waste(a)),
            Self::Inherited => b.inherited_objects().cmp(&a.inherited_objects()),
        }
        .then_with(|| match self {
            Self::Cache => a.cache.cmp(&b.cache),
            Self::Path => path(a).cmp(&path(b)),
            _ => Ordering::Equal,
        })
        .then_with(|| b.share_bytes().cmp(&a.share_bytes()))
        .then_with(|| path(a).cmp(&path(b)))
        .then_with(|| a.cache.cmp(&b.cache))
    }
}

fn path(row: &Slab) -> Option<(&[u8], u64)> {
    let memcg = row.memcg.as_ref()?;
    Some((memcg.path.as_bytes(), memcg.serial_nr))
}
