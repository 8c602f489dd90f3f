//! Layout of the running kernel, resolved once by user space from its BTF and handed to the
//! programs as one frozen `.rodata` struct. The verifier sees constants, so a branch on an absent
//! field costs nothing and its code is pruned.

mod fields;

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// A field that this kernel does not have.
pub const ABSENT: u32 = u32::MAX;

/// How the word that a slab keeps for each object is found (`vector_shape`).
///
/// 5.10 to 6.18: an array of `ext_bytes` entries.
pub const VECTOR_ARRAY: u32 = 0;
/// 7.1 and 7.2: entries `slab.stride` bytes apart (mm/slab.h: slab_get_stride()).
pub const VECTOR_STRIDE: u32 = 1;
/// 7.3: an array, or one entry inside each object, depending on a bit of the slab (mm/slab.h:
/// obj_exts_in_object()).
pub const VECTOR_IN_OBJECT: u32 = 2;

/// How a page that is not the first of its folio refers to the first (`head_shape`).
///
/// The word holds the address of the head, plus one (include/linux/page-flags.h:
/// _compound_head()).
pub const HEAD_POINTER: u32 = 0;
/// Since 7.0 the word is that address plus one, or, with HVO, a mask for the page's own address,
/// plus one: then its upper half is all ones, as in no address of a `struct page`.
pub const HEAD_MASK: u32 = 1;

/// Bytes of a `struct page`; user space checks this.
pub const PAGE_BYTES: u64 = 64;

/// Upper half of the number in an instruction `r = number` that stands for a field of [`Layout`];
/// the lower half is the offset of the field. User space puts the value there before the object is
/// loaded: a load of a constant from a map takes three instructions each time.
pub const CONSTANT: i32 = 0x6b67_0000;

/// Uppermost byte of the number in a call that stands for `bpf_rdonly_cast`: a number that no
/// helper has. The other bytes, the lowest first, are the fields of [`Layout`] that the loads
/// behind the call read, each as its offset divided by 4; 0 means no further field. User space puts
/// the id of the function and the offsets of the fields there.
pub const RDONLY_CAST: i32 = 0x6b00_0000;
/// Loads that can follow such a call.
pub const CAST_LOADS: usize = 3;

/// The compiler rejects another number, since the struct would have padding.
const BY_SHAPE: usize = 29;

macro_rules! layout {
    ($($($program:ident)? $(-)?, $($user:ident)? $(-)?, $bytes:literal, $paths:tt $(, $needed:tt)?;)*) => {
        /// Offsets in bytes, bit masks and addresses of variables. `ABSENT` where there is none.
        #[repr(C)]
        #[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
        pub struct Layout {
            // Addresses of kernel variables, from kallsyms; 0 where unknown.
            pub sym_vmemmap_base: u64,
            pub sym_page_offset_base: u64,
            pub sym_root_mem_cgroup: u64,
            pub sym_mem_cgroup_stats_index: u64,
            pub sym_nr_node_ids: u64,
            pub sym_mem_hotplug_lock: u64,
            pub sym_cgroup_mutex: u64,
            pub sym_nr_swap_pages: u64,
            pub sym_total_swap_pages: u64,
            // Masks.
            pub page_slab_mask: u64,
            pub slab_in_object_mask: u64,
            pub slab_needs_objcg_mask: u64,
            pub sym_over_high: u64,
            // Chosen by BTF (`kernel/layout/shapes.rs` in user space): `BY_SHAPE` of them.
            pub vmstats_state: u32,
            pub vmstats_is_inline: u32,
            pub stat_slab_reclaimable: u32,
            pub stat_slab_unreclaimable: u32,
            /// Bytes of all counters of a memcg; absent where there are more than programs read.
            pub vmstats_bytes: u32,
            /// Bytes of `vmstats_updates`.
            pub vmstats_updates_bytes: u32,
            pub memcg_nodeinfo: u32,
            pub node_lru_zone_size: u32,
            /// Words of `node_lru_zone_size`; 0 where it is absent.
            pub lru_zone_size_words: u32,
            pub node_generation_pages: u32,
            /// Words of `node_generation_pages`; 0 where it is absent.
            pub generation_pages_words: u32,
            pub css_set_memory: u32,
            /// Argument number of the list in `mm_vmscan_lru_isolate` (7, or 6 since 6.3).
            pub isolate_lru_arg: u32,
            pub page_type_slab: u32,
            pub head_shape: u32,
            pub vector_shape: u32,
            pub ext_bytes: u32,
            pub ext_objcg: u32,
            /// `SLAB_ACCOUNT` in the flags of a cache.
            pub cache_account_mask: u32,
            /// `__GFP_ACCOUNT` in flags of allocations.
            pub gfp_account_mask: u32,
            /// Argument number of `size` in `__memcg_slab_post_alloc_hook` (3, or 4 since 7.1).
            pub post_alloc_size_arg: u32,
            /// Argument number of `kmem_cache *` in the slab allocation tracepoints; absent on 5.10.
            pub alloc_cache_arg: u32,
            /// Argument number of the memcg of `shrink_slab`.
            pub shrink_slab_memcg_arg: u32,
            /// 1 where the statistics of memcgs are added up by flushes (`state_pending`), 0 where each
            /// change is added to all ancestors at once.
            pub flushes_stats: u32,
            /// Argument number of the vector in `__memcg_slab_free_hook`, with its flags removed;
            /// absent where the vector is not the last argument.
            pub free_hook_vector_arg: u32,
            /// BTF id of a struct of words, which lets programs read any address without a helper;
            /// absent where they cannot (`bpf_rdonly_cast`, 6.2).
            pub word_type_id: u32,
            /// `MEMCG_KMEM`; absent until 5.17.
            pub stat_kmem: u32,
            /// 1 where a program on a tracepoint may be preempted.
            pub preempts_tracepoints: u32,
            /// 1 where frees of accounted slabs have a function of their own
            /// (`__memcg_slab_free_hook`, 6.8), so that other frees may not be seen; 0 where all
            /// are seen.
            pub has_free_hook: u32,
            // From the table of fields.
            $($(pub $program: u32,)?)*
            /// Avoids padding behind an odd number of fields.
            pub unused: [u32; (BY_SHAPE + BY_TABLE) % 2],
        }

        const BY_TABLE: usize = {
            let names: &[&str] = &[$($(stringify!($program),)?)*];
            names.len()
        };
    };
}

crate::kernel_fields! { layout }

impl Layout {
    /// A layout without any field.
    #[must_use]
    pub fn absent() -> Self {
        let mut layout = Self::new_zeroed();
        let offsets = core::mem::offset_of!(Self, vmstats_state);
        layout.as_mut_bytes()[offsets..].fill(0xff);
        layout
    }
}
