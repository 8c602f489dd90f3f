//! Who holds slab memory, and how well its pages are used: as of the last walk.

use std::sync::Arc;

use super::MemcgId;
use crate::sample::Text;
use crate::sample::slab_walk::{Share, WalkedCache};

/// Bytes of a page.
pub const PAGE_BYTES: u64 = 4096;

/// Objects of one cache that are charged to one memcg.
#[derive(Clone, Debug, PartialEq)]
pub struct SlabHeld {
    /// To whom; `None` if that could not be read.
    pub memcg: Option<Arc<MemcgId>>,
    /// Which cache.
    pub cache: Arc<Text>,
    /// Its key: names may be the same.
    pub cache_key: u64,
    /// What one object takes in the slab.
    pub size_bytes: u32,
    /// The objects, and their part of the pages.
    pub share: Share,
    /// How many of them were charged to a child that is dead.
    pub inherited_objects: u64,
    /// Bytes that the memcg is charged for them.
    pub charged_bytes: u64,
}

impl SlabHeld {
    /// What the objects take in their slabs.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.share.objects.saturating_mul(self.size_bytes.into())
    }

    /// Part of its share of the pages that the objects take.
    #[must_use]
    pub fn utilization(&self) -> Option<f64> {
        part(self.bytes(), self.share.share_bytes)
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
    /// Objects in use: charged to somebody or to nobody.
    #[must_use]
    pub fn live_objects(&self) -> u64 {
        let walked = &self.walked;
        walked
            .charged_objects
            .saturating_add(walked.unaccounted.objects)
    }

    /// What these take.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        self.live_objects()
            .saturating_mul(self.walked.size_bytes.into())
    }

    /// Bytes of its slabs.
    #[must_use]
    pub fn slab_bytes(&self) -> u64 {
        self.walked.slab_pages.saturating_mul(PAGE_BYTES)
    }

    /// Part of its slabs that objects in use take.
    #[must_use]
    pub fn utilization(&self) -> Option<f64> {
        part(self.live_bytes(), self.slab_bytes())
    }

    /// Pages that would be free if the objects in use stood side by side; `None` where that
    /// cannot be told.
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

/// What a memcg is charged for since children of it died.
#[derive(Clone, Debug, PartialEq)]
pub struct Inherited {
    /// Who is charged.
    pub memcg: Arc<MemcgId>,
    /// Object cgroups of dead children of which something is left.
    pub objcgs: u64,
    /// Slab objects.
    pub slab_objects: u64,
    /// What these are charged with.
    pub slab_bytes: u64,
    /// Pages of the kernel's own; `None` where the dead keep those themselves.
    pub kernel_pages: Option<u64>,
    /// Pages of files and anonymous ones; `None` where the dead keep those themselves.
    pub lru_pages: Option<u64>,
}

impl Inherited {
    /// All of it.
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

/// One figure as a part of another, where there is any of that.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn part(of: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| of as f64 / all as f64)
}
