//! Owners of slab memory, and the use of its pages: findings of walks, counts of events.

use std::sync::Arc;

use super::MemcgId;
use crate::sample::Text;
use crate::sample::slab_walk::{Share, WalkedCache};
use crate::units::PAGE_BYTES;

/// Objects of one cache charged to one memcg.
#[derive(Clone, Debug, PartialEq)]
pub struct Slab {
    /// The memcg; `None` if it could not be read.
    pub memcg: Option<Arc<MemcgId>>,
    /// The name of the cache.
    pub cache: Arc<Text>,
    /// The key of the cache: several caches may have one name.
    pub cache_key: u64,
    /// Bytes of one object in the slab; `None` if the cache could not be read.
    pub size_bytes: Option<u32>,
    /// The present objects; `None` without a walk of all slabs.
    pub held: Option<Held>,
    /// Charged since the start of the run; `None` without slab events, like those below.
    pub alloc_total: Option<u64>,
    /// Uncharged since the start of the run.
    pub free_total: Option<u64>,
    /// Objects charged a second, over the last interval.
    pub alloc_per_sec: Option<f64>,
    /// Objects uncharged a second, over the last interval.
    pub free_per_sec: Option<f64>,
}

/// Present objects: those of the last walk of all slabs, and the events since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The number of objects now.
    pub objects: u64,
    /// Events during the walk: as many objects may have been counted twice, or not at all. `None`
    /// where events are not counted.
    pub uncertain_objects: Option<u64>,
    /// The number that the walk found, less the number computed from events before it; `None` for
    /// the first walk, and where events are not counted.
    pub drift_objects: Option<i64>,
    /// The objects and their part of the pages, as of the walk.
    pub share: Share,
    /// Objects that were charged to a child that is dead, as of the walk.
    pub inherited_objects: u64,
    /// Bytes that an object is charged for beyond its size.
    pub owner_bytes: u32,
}

impl Slab {
    /// Returns the number of objects now.
    #[must_use]
    pub fn objects(&self) -> Option<u64> {
        self.held.map(|held| held.objects)
    }

    /// Returns the bytes of these objects in their slabs.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        Some(self.held?.objects.saturating_mul(self.size_bytes?.into()))
    }

    /// Returns the bytes that the memcg is charged for them.
    #[must_use]
    pub fn charged_bytes(&self) -> Option<u64> {
        let held = self.held?;
        let charge = u64::from(self.size_bytes?) + u64::from(held.owner_bytes);
        Some(held.objects.saturating_mul(charge))
    }

    /// Returns its share of the pages, as of the walk.
    #[must_use]
    pub fn share_bytes(&self) -> Option<u64> {
        self.held.map(|held| held.share.share_bytes)
    }

    /// Returns the objects that were charged to a child that is dead, as of the walk.
    #[must_use]
    pub fn inherited_objects(&self) -> Option<u64> {
        self.held.map(|held| held.inherited_objects)
    }

    /// Returns the part of its share of the pages that objects took, as of the walk.
    #[must_use]
    pub fn utilization(&self) -> Option<f64> {
        part(self.walked_bytes()?, self.share_bytes()?)
    }

    /// Returns the bytes of the objects, as of the walk.
    #[must_use]
    pub fn walked_bytes(&self) -> Option<u64> {
        let objects = self.held?.share.objects;
        Some(objects.saturating_mul(self.size_bytes?.into()))
    }
}

/// A cache and its slabs.
#[derive(Clone, Debug, PartialEq)]
pub struct SlabCache {
    /// Its name.
    pub name: Arc<Text>,
    /// Its figures.
    pub walked: Arc<WalkedCache>,
}

impl SlabCache {
    /// Returns whether `name` is its name, or that of a cache that the kernel merged with it.
    #[must_use]
    pub fn is_called(&self, name: &[u8]) -> bool {
        let mut names = std::iter::once(&*self.name).chain(&self.walked.aliases);
        names.any(|one| one.as_bytes() == name)
    }

    /// Returns the number of objects in use, charged or not.
    #[must_use]
    pub fn live_objects(&self) -> u64 {
        let walked = &self.walked;
        walked
            .charged_objects
            .saturating_add(walked.unaccounted.objects)
    }

    /// Returns the bytes of the objects in use.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        self.live_objects()
            .saturating_mul(self.walked.size_bytes.into())
    }

    /// Returns the bytes of its slabs.
    #[must_use]
    pub fn slab_bytes(&self) -> u64 {
        self.walked.slab_pages.saturating_mul(PAGE_BYTES)
    }

    /// Returns the part of its slabs that objects in use take.
    #[must_use]
    pub fn utilization(&self) -> Option<f64> {
        part(self.live_bytes(), self.slab_bytes())
    }

    /// Returns the pages that would be free if the objects in use were packed; `None` where that is
    /// not known.
    #[must_use]
    pub fn freeable_pages(&self) -> Option<u64> {
        let walked = &self.walked;
        if walked.slab_objects == 0 {
            return None;
        }
        let packed = self.live_objects().div_ceil(walked.slab_objects.into());
        let pages = packed.checked_mul(1_u64.checked_shl(walked.order)?)?;
        Some(walked.slab_pages.saturating_sub(pages))
    }
}

/// Charges that a memcg inherited from dead children.
#[derive(Clone, Debug, PartialEq)]
pub struct Inherited {
    /// The memcg that is charged.
    pub memcg: Arc<MemcgId>,
    /// Object cgroups of dead children of which something is left.
    pub objcgs: u64,
    /// Slab objects.
    pub slab_objects: u64,
    /// Bytes charged for these objects.
    pub slab_bytes: u64,
    /// Pages of the kernel's own; `None` where the dead keep those themselves.
    pub kernel_pages: Option<u64>,
    /// Pages of files and anonymous ones; `None` where the dead keep those themselves.
    pub lru_pages: Option<u64>,
}

impl Inherited {
    /// Returns the sum of all bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let pages = self
            .kernel_pages
            .unwrap_or(0)
            .saturating_add(self.lru_pages.unwrap_or(0));
        self.slab_bytes
            .saturating_add(pages.saturating_mul(PAGE_BYTES))
    }
}

/// Returns `of` as a part of `all`; `None` if `all` is 0.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn part(of: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| of as f64 / all as f64)
}
