//! How much of a cache could be reclaimed, and why the rest cannot.

use super::SlabCache;

/// Caches whose shrinker looks at no memcg (no `SHRINKER_MEMCG_AWARE`), so that a limit of a memcg
/// never frees their objects: fs/ext4/extents_status.c, fs/mbcache.c, fs/quota/dquot.c,
/// fs/jbd2/journal.c, fs/xfs/xfs_buf.c.
const NOT_MEMCG_AWARE: [&[u8]; 6] = [
    b"ext4_extent_status",
    b"mbcache",
    b"mb_cache_entry",
    b"dquot",
    b"jbd2_journal_head",
    b"xfs_buf",
];

/// All bytes of the slabs of a cache; they add up to that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reclaimable {
    /// Slabs whose objects nobody uses: a shrinker can free all of it.
    pub reclaimable_bytes: u64,
    /// Objects in use.
    pub in_use_bytes: u64,
    /// Objects that nobody uses, on slabs with others that are in use: freeing them gives no page
    /// back.
    pub shared_page_bytes: u64,
    /// Objects in use or not, that no shrinker frees.
    pub no_shrinker_bytes: u64,
    /// Objects in use or not, whose shrinker looks at no memcg.
    pub not_memcg_aware_bytes: u64,
    /// Room of slabs that cannot be freed in which there is no object.
    pub free_bytes: u64,
}

impl Reclaimable {
    /// Adds others.
    pub fn add(&mut self, more: &Self) {
        for (sum, more) in [
            (&mut self.reclaimable_bytes, more.reclaimable_bytes),
            (&mut self.in_use_bytes, more.in_use_bytes),
            (&mut self.shared_page_bytes, more.shared_page_bytes),
            (&mut self.no_shrinker_bytes, more.no_shrinker_bytes),
            (&mut self.not_memcg_aware_bytes, more.not_memcg_aware_bytes),
            (&mut self.free_bytes, more.free_bytes),
        ] {
            *sum = sum.saturating_add(more);
        }
    }

    /// Why what cannot be reclaimed cannot: each reason and its bytes.
    #[must_use]
    pub fn reasons(&self) -> [(&'static str, u64); 4] {
        [
            ("in use", self.in_use_bytes),
            ("page shared", self.shared_page_bytes),
            ("no shrinker", self.no_shrinker_bytes),
            ("shrinker not by memcg", self.not_memcg_aware_bytes),
        ]
    }
}

impl SlabCache {
    /// What of its slabs could be reclaimed; `None` where that is not known, as of objects that go
    /// with something else, or of a walk that did not look at the objects.
    #[must_use]
    pub fn reclaimable(&self) -> Option<Reclaimable> {
        let (all, live) = (self.slab_bytes(), self.live_bytes());
        let free_bytes = all.saturating_sub(live);
        if !self.walked.has_shrinker? {
            return Some(Reclaimable {
                no_shrinker_bytes: live,
                free_bytes,
                ..Reclaimable::default()
            });
        }
        if NOT_MEMCG_AWARE.contains(&self.name.as_bytes()) {
            return Some(Reclaimable {
                not_memcg_aware_bytes: live,
                free_bytes,
                ..Reclaimable::default()
            });
        }
        let idle = self.walked.idle?;
        let bytes = |objects: u64| objects.saturating_mul(self.walked.size_bytes.into());
        let in_use_bytes = bytes(self.live_objects().saturating_sub(idle.objects));
        let shared_page_bytes = bytes(idle.objects.saturating_sub(idle.alone_objects));
        let stays = in_use_bytes.saturating_add(shared_page_bytes);
        Some(Reclaimable {
            reclaimable_bytes: idle.slab_bytes,
            in_use_bytes,
            shared_page_bytes,
            free_bytes: all.saturating_sub(idle.slab_bytes).saturating_sub(stays),
            ..Reclaimable::default()
        })
    }
}
