//! The layout of a `struct page` for user space: its flags, its type and its owner.

use super::enumerators::index_of;
use super::fields::{Field, Fields};
use crate::kernel::host::btf::Btf;

/// Flags that give the low bits of `memcg_data` their meaning (include/linux/memcontrol.h).
pub const DATA_OBJEXTS: u64 = 1;
/// The other bits are the address of an object cgroup, and the page is the kernel's own.
pub const DATA_KMEM: u64 = 2;
/// All bits that are flags: `__NR_MEMCG_DATA_FLAGS` was never above 8.
pub const DATA_FLAGS: u64 = 7;
/// `page_type` of the kernel's own pages until 5.10 (include/linux/page-flags.h: PG_kmemcg); a page
/// is of a type if the bit of the type is clear.
const TYPE_BASE: u32 = 0xf000_0000;
const TYPE_KMEMCG: u32 = 0x200;
/// `SLAB_RECLAIM_ACCOUNT` before its bit had a name in BTF (include/linux/slab.h, up to 6.8).
const SLAB_RECLAIM_ACCOUNT_UNNAMED: u64 = 0x2_0000;

/// Masks for `page.flags` and values of `page.page_type`. A mask of 0 never matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// First page of a folio of several.
    pub head: u64,
    /// On an LRU list.
    pub lru: u64,
    /// Backed by swap: anonymous or shmem.
    pub swapbacked: u64,
    /// In the swap cache, of those that are backed by swap.
    pub swapcache: u64,
    /// Cannot be reclaimed.
    pub unevictable: u64,
    /// Slab, on kernels where that is a flag (until 6.9).
    pub slab: u64,
    /// Slab, on kernels where that is a type: the upper byte of `page_type`.
    pub slab_type: Option<u32>,
    /// hugetlbfs, on kernels where that is a type.
    pub hugetlb_type: Option<u32>,
    /// kmalloc of more than a slab has, on kernels where that is a type
    /// (include/linux/page-flags.h).
    pub large_kmalloc_type: Option<u32>,
    /// The owner word is a memcg, and a flag in `page_type` says that a page is the kernel's
    /// own: 5.10.
    pub kmem_is_typed: bool,
    /// The owner of a page on a list is an object cgroup (7.1 and later: LRU reparenting).
    pub owner_is_objcg: bool,
    /// The number of pages of a folio is in its second page, and BTF counts from the start of that
    /// page (5.10).
    pub nr_pages_in_second: bool,
    /// Bytes of one page.
    pub bytes: u64,
    /// `SLAB_RECLAIM_ACCOUNT` in `kmem_cache.flags`.
    pub cache_reclaim: u64,
}

/// The kind of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    /// A page of a file, or anonymous: on an LRU list, or on its way to or from there.
    Lru,
    /// The kernel's own, charged.
    Kmem,
    /// A slab.
    Slab,
    /// hugetlbfs.
    Hugetlb,
}

impl Pages {
    pub(super) fn resolve(btf: &Btf, fields: &Fields) -> Self {
        let flag = |name: &str| index_of(btf, name).map_or(0, |bit| 1_u64 << bit);
        let slab_type = index_of(btf, "PGTY_slab");
        Self {
            head: flag("PG_head"),
            lru: flag("PG_lru"),
            swapbacked: flag("PG_swapbacked"),
            swapcache: flag("PG_swapcache"),
            unevictable: flag("PG_unevictable"),
            slab: if slab_type.is_some() {
                0
            } else {
                flag("PG_slab")
            },
            slab_type,
            hugetlb_type: index_of(btf, "PGTY_hugetlb"),
            large_kmalloc_type: index_of(btf, "PGTY_large_kmalloc"),
            kmem_is_typed: btf.member("page.mem_cgroup").is_some(),
            owner_is_objcg: fields.has(Field::ObjcgIsRoot),
            nr_pages_in_second: !btf.has_struct("folio"),
            bytes: btf.struct_bytes("page").map_or(0, u64::from),
            cache_reclaim: index_of(btf, "_SLAB_RECLAIM_ACCOUNT")
                .map_or(SLAB_RECLAIM_ACCOUNT_UNNAMED, |bit| 1 << bit),
        }
    }

    /// Whether a page is a slab.
    #[must_use]
    pub fn is_slab(&self, flags: u64, page_type: u32) -> bool {
        flags & self.slab != 0 || self.slab_type == Some(page_type >> 24)
    }

    /// The kind of a charged page, by its three words.
    #[must_use]
    pub fn kind(&self, flags: u64, page_type: u32, memcg_data: u64) -> PageKind {
        if self.is_slab(flags, page_type) {
            PageKind::Slab
        } else if self.hugetlb_type == Some(page_type >> 24) {
            PageKind::Hugetlb
        } else if self.kmem_is_typed {
            let is_kmem = page_type & (TYPE_BASE | TYPE_KMEMCG) == TYPE_BASE;
            if is_kmem {
                PageKind::Kmem
            } else {
                PageKind::Lru
            }
        } else if memcg_data & DATA_KMEM != 0 {
            PageKind::Kmem
        } else {
            PageKind::Lru
        }
    }
}
