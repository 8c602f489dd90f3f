//! The memory of a memcg when its limit led to an OOM kill.

use serde::{Deserialize, Serialize};

use super::Text;

/// The memory of the memcg whose limit it was, between the kernel's own report of the kill and the
/// signal to the victim.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OomMemory {
    /// The time at which the memory was read, CLOCK_MONOTONIC.
    pub time_ns: u64,
    /// What the memory was, by the kernel's counters.
    pub composition: Composition,
    /// The counters may be off by as much: changes that the kernel had not added up yet. `None`
    /// where it does not count them.
    pub pending_bytes: Option<u64>,
    /// Swap space of the host.
    pub swap_total_bytes: Option<u64>,
    /// The part of it that was free.
    pub swap_free_bytes: Option<u64>,
    /// `vm.swappiness`, after the kill.
    pub swappiness: Option<u64>,
    /// Whether it has limits of its own for swap: on version 1 of cgroups, swap counts as memory.
    pub has_swap_limits: Option<bool>,
    /// The memcg, its parent, and so on.
    pub levels: Vec<OomLevel>,
    /// From its child down to the victim's memcg; empty if the victim is of the memcg itself.
    pub below: Vec<OomLevel>,
    /// The files that most of its shmem belongs to; `None` where nobody looked for them.
    pub files: Option<ShmemFiles>,
}

/// What memory is, as `memory.stat` names it. `None` where the kernel does not count it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Composition {
    /// Anonymous memory that is mapped.
    pub anon_bytes: Option<u64>,
    /// Pages of files, shmem among them.
    pub file_bytes: Option<u64>,
    /// tmpfs, memfd, shared and SysV memory.
    pub shmem_bytes: Option<u64>,
    /// Pages of files to be written.
    pub file_dirty_bytes: Option<u64>,
    /// Pages of files that are being written.
    pub file_writeback_bytes: Option<u64>,
    /// Pages on the list of those that reclaim skips, such as locked ones.
    pub unevictable_bytes: Option<u64>,
    /// Pages with a place in swap.
    pub swapcached_bytes: Option<u64>,
    /// Slab of caches that have a shrinker.
    pub slab_reclaimable_bytes: Option<u64>,
    /// Slab of other caches.
    pub slab_unreclaimable_bytes: Option<u64>,
    /// Stacks of tasks in the kernel.
    pub kernel_stack_bytes: Option<u64>,
    /// Page tables.
    pub pagetables_bytes: Option<u64>,
    /// Page tables of virtual machines and devices.
    pub sec_pagetables_bytes: Option<u64>,
    /// Huge pages of hugetlbfs.
    pub hugetlb_bytes: Option<u64>,
    /// Memory of vmalloc.
    pub vmalloc_bytes: Option<u64>,
    /// Per-CPU memory.
    pub percpu_bytes: Option<u64>,
    /// Buffers of sockets.
    pub sock_bytes: Option<u64>,
    /// All memory of the kernel but that of sockets.
    pub kernel_bytes: Option<u64>,
    /// Compressed pages.
    pub zswap_bytes: Option<u64>,
}

/// The limits and the use of a memcg at a kill.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OomLevel {
    /// Its serial number.
    pub serial_nr: u64,
    /// Memory in use.
    pub usage_bytes: Option<u64>,
    /// `memory.max`.
    pub max_bytes: Option<u64>,
    /// `memory.min`.
    pub min_bytes: Option<u64>,
    /// Swap in use.
    pub swap_bytes: Option<u64>,
    /// `memory.swap.max`.
    pub swap_max_bytes: Option<u64>,
}

/// Files of shmem with pages of a memcg or of those below it, by a search after the kill.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShmemFiles {
    /// The end of the search, CLOCK_MONOTONIC.
    pub end_ns: u64,
    /// The largest ones, largest first.
    pub files: Vec<ShmemFile>,
    /// What was not looked at, a line each.
    pub not_checked: Vec<String>,
}

/// A file of shmem.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShmemFile {
    /// Its path or its name; `None` if it has neither.
    pub path: Option<Text>,
    /// A process that sees it under that path, where we do not.
    pub path_of_pid: Option<u32>,
    /// Number of the inode.
    pub ino: u64,
    /// Names that it has.
    pub links: Option<u64>,
    /// Pages that are charged to the memcg or below it.
    pub bytes: u64,
    /// Whether that was concluded from a part of its pages.
    pub is_estimate: bool,
}
