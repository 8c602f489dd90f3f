//! Reclaimable bytes of a cache, and the reasons why the rest is not reclaimable.

use super::SlabCache;

/// Caches whose shrinker looks at no memcg (no `SHRINKER_MEMCG_AWARE`), so that a limit of a memcg
/// never frees their objects. The kernel does not say which shrinker frees a cache, so the list is
/// from its sources, the same from 5.10 to 7.2, with each name that a cache has had. Not here:
/// `jbd2_journal_head`, whose shrinker came with 5.14 (fs/jbd2/journal.c); before, they went with
/// the pages of their buffers.
const NOT_MEMCG_AWARE: [&[u8]; 10] = [
    // fs/ext4/extents_status.c: ext4_init_es(), ext4_es_register_shrinker(); renamed in 6.9.
    b"ext4_extent_status",
    b"extent_status",
    // fs/f2fs/f2fs.h: f2fs_kmem_cache_create() of extent_cache.c and node.c; super.c: one shrinker.
    b"f2fs_extent_node",
    b"f2fs_extent_tree",
    b"f2fs_free_nid",
    b"f2fs_nat_entry",
    // fs/mbcache.c: mbcache_init(), mb_cache_create(); renamed in 6.9.
    b"mbcache",
    b"mb_cache_entry",
    // fs/quota/dquot.c: dquot_init().
    b"dquot",
    // fs/xfs/xfs_buf.c: xfs_alloc_buftarg(), and xfs_buf_init(), later xfs_super.c:
    // xfs_init_caches(). On 5.10 without SLAB_RECLAIM_ACCOUNT.
    b"xfs_buf",
];

/// All bytes of the slabs of a cache, split by what can be reclaimed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reclaimable {
    /// Slabs without objects in use: a shrinker can free all of these.
    pub reclaimable_bytes: u64,
    /// Objects in use.
    pub in_use_bytes: u64,
    /// Unused objects on slabs with objects in use: freeing them gives no page back.
    pub shared_page_bytes: u64,
    /// Objects, in use or not, that no shrinker frees.
    pub no_shrinker_bytes: u64,
    /// Objects, in use or not, whose shrinker is not memcg-aware.
    pub not_memcg_aware_bytes: u64,
    /// Space without an object, in slabs that cannot be freed.
    pub free_bytes: u64,
}

impl Reclaimable {
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

    /// Returns the reasons why bytes cannot be reclaimed, each with its bytes.
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
    /// Returns the split of its slabs; `None` where that is not known: for objects that go with
    /// something else, and for a walk that did not read the objects.
    #[must_use]
    pub fn reclaimable(&self) -> Option<Reclaimable> {
        let (all, live) = (self.slab_bytes(), self.live_bytes());
        let free_bytes = all.saturating_sub(live);
        let (unaware, names) = self.not_memcg_aware_names();
        if unaware > 0 && unaware < names {
            // The kernel merged it with caches that have another shrinker, or none.
            return None;
        }
        if unaware > 0 {
            return Some(Reclaimable {
                not_memcg_aware_bytes: live,
                free_bytes,
                ..Reclaimable::default()
            });
        }
        if !self.walked.has_shrinker? {
            return Some(Reclaimable {
                no_shrinker_bytes: live,
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

    /// Returns the number of its names in `NOT_MEMCG_AWARE`, and the number of all its names.
    fn not_memcg_aware_names(&self) -> (usize, usize) {
        let names = std::iter::once(&*self.name).chain(&self.walked.aliases);
        let unaware = names.filter(|name| NOT_MEMCG_AWARE.contains(&name.as_bytes()));
        (unaware.count(), 1 + self.walked.aliases.len())
    }
}
