//! Where things are in the running kernel, resolved once by user space from its BTF and handed
//! to the programs as one frozen `.rodata` struct. The verifier sees constants, so a branch on
//! an absent field costs nothing and its code is pruned.

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// A field that this kernel does not have.
pub const ABSENT: u32 = u32::MAX;

/// How the word that a slab keeps per object is found (`vector_shape`).
///
/// 5.10 to 6.18: an array of `ext_bytes` entries.
pub const VECTOR_ARRAY: u32 = 0;
/// 7.1 and 7.2: entries `slab.stride` bytes apart (mm/slab.h: slab_get_stride()).
pub const VECTOR_STRIDE: u32 = 1;
/// 7.3: an array, or one entry inside each object, as a bit of the slab says
/// (mm/slab.h: obj_exts_in_object()).
pub const VECTOR_IN_OBJECT: u32 = 2;

/// How a page that is not the first of its folio points to the first (`head_shape`).
///
/// The word holds the address of the head, plus one (include/linux/page-flags.h:
/// _compound_head()).
pub const HEAD_POINTER: u32 = 0;
/// Since 7.0 the word is that, or, with HVO, a mask for the page's own address, plus one: then
/// its upper half is all ones, as no address of a `struct page` is.
pub const HEAD_MASK: u32 = 1;

/// Bytes of a `struct page`: user space checks it.
pub const PAGE_BYTES: u64 = 64;

/// Upper half of the number in an instruction `r = number` that stands for a field of [`Layout`];
/// the lower half is the place of the field in it. User space puts the value there, before the
/// object is loaded: a load of a constant from a map takes three instructions each time.
pub const FIXED: i32 = 0x6b67_0000;

/// Uppermost byte of the number in a call that stands for `bpf_rdonly_cast`: a number that no
/// helper has. The other bytes, the lowest first, are the fields of [`Layout`] that the loads
/// behind the call read, each by its place divided by 4, and 0 behind the last. User space puts
/// the id of the function and the offsets of the fields there.
pub const RDONLY_CAST: i32 = 0x6b00_0000;
/// Loads that can come behind such a call.
pub const CAST_LOADS: usize = 3;

/// Offsets in bytes, bit masks and addresses of variables. `ABSENT` where there is none.
///
/// One row of `kernel/layout/rows.rs` in user space fills each field; that table says where it comes
/// from and what fails without it.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[expect(
    missing_docs,
    reason = "each field is named after the kernel's own path to it"
)]
pub struct Layout {
    // Addresses of kernel variables, from kallsyms; 0 where unknown.
    pub sym_vmemmap_base: u64,
    pub sym_page_offset_base: u64,
    pub sym_root_mem_cgroup: u64,
    pub sym_mem_cgroup_stats_index: u64,
    pub sym_nr_node_ids: u64,
    pub sym_mem_hotplug_lock: u64,
    pub sym_cgroup_mutex: u64,
    // Masks.
    pub page_slab_mask: u64,
    pub slab_in_object_mask: u64,
    pub slab_needs_objcg_mask: u64,
    pub sym_over_high: u64,

    pub css_cgroup: u32,
    pub css_refcnt_percpu_count_ptr: u32,
    pub css_refcnt_data: u32,
    pub css_sibling: u32,
    pub css_children: u32,
    pub css_id: u32,
    pub css_flags: u32,
    pub css_serial_nr: u32,
    pub css_parent: u32,
    pub css_nr_populated_csets: u32,
    pub css_nr_populated_children: u32,
    pub ref_data_count: u32,
    pub ref_data_confirm_switch: u32,

    pub cgroup_kn: u32,
    pub kernfs_name: u32,
    pub kernfs_id: u32,

    pub memcg_memory_usage: u32,
    pub memcg_memory_high: u32,
    pub memcg_memory_max: u32,
    pub memcg_vmstats: u32,
    pub vmstats_state: u32,
    pub vmstats_is_inline: u32,
    pub stat_slab_reclaimable: u32,
    pub stat_slab_unreclaimable: u32,
    pub memcg_nodeinfo: u32,
    pub node_lru_zone_size: u32,
    /// Words of that array; 0 where it is absent.
    pub lru_zone_size_words: u32,
    pub node_generation_pages: u32,
    /// Words of that array; 0 where it is absent.
    pub generation_pages_words: u32,

    pub task_cgroups: u32,
    pub css_set_memory: u32,
    pub task_pid: u32,
    pub task_tgid: u32,
    pub task_comm: u32,
    pub task_start_time: u32,
    pub task_nvcsw: u32,
    pub task_nivcsw: u32,
    pub task_flags: u32,

    pub node_lruvec: u32,
    pub node_memcg: u32,
    /// `lruvec.lrugen.enabled`: whether the lists are those of MGLRU.
    pub lruvec_mglru_enabled: u32,
    /// Argument number of the list in `mm_vmscan_lru_isolate` (7, or 6 since 6.3).
    pub isolate_lru_arg: u32,
    pub scan_nr_scanned: u32,
    pub scan_nr_reclaimed: u32,
    pub task_signal: u32,
    pub signal_oom_score_adj: u32,
    pub oom_memcg: u32,
    pub oom_chosen: u32,
    pub oom_points: u32,
    pub oom_total_pages: u32,

    pub page_head: u32,
    pub page_type: u32,
    pub page_type_slab: u32,
    pub page_flags: u32,
    pub head_shape: u32,
    pub slab_cache: u32,
    pub slab_counters: u32,
    pub slab_vector: u32,
    pub slab_stride: u32,
    pub vector_shape: u32,
    pub ext_bytes: u32,
    pub ext_objcg: u32,
    pub objcg_memcg: u32,
    pub cache_flags: u32,
    /// `SLAB_ACCOUNT` in that.
    pub cache_account_mask: u32,
    /// `__GFP_ACCOUNT` in flags of allocations.
    pub gfp_account_mask: u32,
    pub cache_size: u32,
    pub cache_object_size: u32,
    pub cache_name: u32,

    pub shrinker_count_objects: u32,
    pub shrinker_scan_objects: u32,
    pub shrinker_flags: u32,
    pub shrinker_seeks: u32,
    pub shrinker_private_data: u32,
    pub sb_shrink: u32,
    pub sb_type: u32,
    pub sb_dev: u32,
    pub fs_type_name: u32,
    pub control_memcg: u32,
    pub control_nid: u32,

    pub mutex_owner: u32,
    pub rwsem_owner: u32,
    pub mutex_wait_list: u32,
    pub rwsem_wait_list: u32,
    pub mutex_first_waiter: u32,
    pub rwsem_first_waiter: u32,
    pub waiter_list: u32,
    pub waiter_task: u32,
    pub percpu_waiters: u32,
    pub queue_entry: u32,
    pub queue_private: u32,
    pub subprocess_data: u32,

    /// Argument number of `size` in `__memcg_slab_post_alloc_hook` (3, or 4 since 7.1).
    pub post_alloc_size_arg: u32,
    /// Argument number of `kmem_cache *` in the slab allocation tracepoints; absent on 5.10.
    pub alloc_cache_arg: u32,
    /// Argument number of the memcg of `shrink_slab`.
    pub shrink_slab_memcg_arg: u32,
    /// 1 where the statistics of memcgs are added up by flushes (`state_pending`), 0 where each
    /// change is added to all ancestors at once.
    pub flushes_stats: u32,
    /// Argument number of the vector in `__memcg_slab_free_hook`, its flags taken off; absent
    /// where it is not the last one.
    pub free_hook_vector_arg: u32,
    /// Id in BTF of a struct of words, as which programs can read any address without a helper;
    /// absent where they cannot (`bpf_rdonly_cast`, 6.2).
    pub word_type_id: u32,
    /// `MEMCG_KMEM`; absent until 5.17.
    pub stat_kmem: u32,
    /// 1 where a program on a tracepoint may be preempted.
    pub preempts_tracepoints: u32,
    /// 1 where frees of accounted slabs have a function of their own (`__memcg_slab_free_hook`,
    /// 6.8), so that others may not be seen; 0 where all are.
    pub has_free_hook: u32,
    pub task_utime: u32,
}

impl Layout {
    /// A layout in which everything is absent.
    #[must_use]
    pub fn absent() -> Self {
        let mut layout = Self::new_zeroed();
        let offsets = core::mem::offset_of!(Self, css_cgroup);
        layout.as_mut_bytes()[offsets..].fill(0xff);
        layout
    }
}
