//! The layout of the running kernel, once it is resolved.

use memcg_trace_common::layout::Layout;

use super::cost::Cost;
use super::fields::Fields;
use super::inodes::Inodes;
use super::pages::Pages;
use super::swap::SwapOwners;
use crate::kernel::Subject;

/// Something that a subject needs and this kernel lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The subject that cannot be observed.
    pub subject: Subject,
    /// The reason, in one line.
    pub what: String,
}

/// The layout of a kernel, and what the kernel lacks.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The layout for the programs.
    pub layout: Layout,
    /// Address of `super_cache_scan`, the `scan_objects` of all superblocks; 0 if unknown.
    pub super_cache_scan: u64,
    /// `SHRINKER_MEMCG_AWARE` in `shrinker.flags`.
    pub memcg_aware_mask: u32,
    /// Whether the kernel counts the runs that kprobe programs missed.
    pub counts_kprobe_misses: bool,
    /// Fields that user space reads.
    pub fields: Fields,
    /// The kernel memory of a memory cgroup itself.
    pub cost: Cost,
    /// The layout of a `struct page`.
    pub pages: Pages,
    /// The meaning of `inode.i_state`.
    pub inodes: Inodes,
    /// `DCACHE_PERSISTENT` in `dentry.d_flags`: the name has a reference until it is removed; `None`
    /// in kernels that have no such mark.
    pub persistent_name: Option<u64>,
    /// The index of each row of [`memcg_counters::ROWS`](super::memcg_counters::ROWS).
    pub memcg_counters: Vec<Option<u32>>,
    /// The number of references minus `file.f_ref`; 0 for `f_count`, which is exact.
    pub file_ref_bias: u64,
    /// Bytes of a `struct inode`, behind which a file system has its own data.
    pub inode_bytes: u64,
    /// The place of the owners of pages in swap.
    pub swap_owners: SwapOwners,
    /// `MM_SWAPENTS`: the index of the counter of pages in swap, in an address space.
    pub mm_swapents: u32,
    /// Id of `bpf_rdonly_cast`, if programs can call it.
    pub rdonly_cast: Option<u32>,
    /// Id of the type of programs that iterate over tasks.
    pub task_iterator: Option<u32>,
    /// Index of the memory controller in arrays of controllers.
    pub memory_cgrp_id: u64,
    /// Bytes of a `task_struct`.
    pub task_bytes: usize,
    /// Bytes of a `pipe_buffer`.
    pub pipe_buffer_bytes: u64,
    /// What each subject lacks.
    pub missing: Vec<Missing>,
}

impl Resolved {
    /// The reason why a subject cannot be observed, if there is one.
    #[must_use]
    pub fn missing_for(&self, subject: Subject) -> Option<&str> {
        let subject = match subject {
            // Its programs find the cache of an object as those of slab do.
            Subject::Callers => Subject::Slab,
            other => other,
        };
        self.missing
            .iter()
            .find(|missing| missing.subject == subject)
            .map(|missing| missing.what.as_str())
    }
}
