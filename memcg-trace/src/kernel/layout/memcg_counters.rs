//! The kernel's counters of a memcg that say what its memory is, as `memory.stat` shows them.

use crate::kernel::host::btf::Btf;
use crate::sample::oom::Composition;
use crate::units::PAGE_BYTES;

/// An enumerator of `enum node_stat_item`, and one of `enum memcg_stat_item`, of every kernel.
const OF_NODES: &str = "NR_FILE_PAGES";
const OF_MEMCGS: &str = "MEMCG_SOCK";

/// One counter.
pub struct Counter {
    /// The enumerators that have been its index, newest first, each with another one of its enum:
    /// until 5.10 pages of page tables were counted by zone, and not by memcg.
    names: &'static [(&'static str, &'static str)],
    /// Bytes of one.
    pub unit: u64,
    /// Its place in a sample.
    pub place: fn(&mut Composition) -> &mut Option<u64>,
}

/// Makes a row.
macro_rules! counter {
    ($place:ident, $unit:expr, [$(($name:literal, $beside:ident)),*]) => {
        Counter {
            names: &[$(($name, $beside)),*],
            unit: $unit,
            place: |composition| &mut composition.$place,
        }
    };
}

/// All counters (mm/memcontrol.c: memory_stats).
#[rustfmt::skip]
pub const ROWS: &[Counter] = &[
    counter!(anon_bytes, PAGE_BYTES, [("NR_ANON_MAPPED", OF_NODES)]),
    counter!(file_bytes, PAGE_BYTES, [("NR_FILE_PAGES", OF_NODES)]),
    counter!(shmem_bytes, PAGE_BYTES, [("NR_SHMEM", OF_NODES)]),
    counter!(file_dirty_bytes, PAGE_BYTES, [("NR_FILE_DIRTY", OF_NODES)]),
    counter!(file_writeback_bytes, PAGE_BYTES, [("NR_WRITEBACK", OF_NODES)]),
    counter!(unevictable_bytes, PAGE_BYTES, [("NR_UNEVICTABLE", OF_NODES)]),
    counter!(swapcached_bytes, PAGE_BYTES, [("NR_SWAPCACHE", OF_NODES)]),
    counter!(slab_reclaimable_bytes, 1, [("NR_SLAB_RECLAIMABLE_B", OF_NODES)]),
    counter!(slab_unreclaimable_bytes, 1, [("NR_SLAB_UNRECLAIMABLE_B", OF_NODES)]),
    counter!(kernel_stack_bytes, 1024, [("NR_KERNEL_STACK_KB", OF_NODES)]),
    counter!(pagetables_bytes, PAGE_BYTES, [("NR_PAGETABLE", OF_NODES)]),
    counter!(sec_pagetables_bytes, PAGE_BYTES, [("NR_SECONDARY_PAGETABLE", OF_NODES)]),
    counter!(hugetlb_bytes, PAGE_BYTES, [("NR_HUGETLB", OF_NODES)]),
    counter!(vmalloc_bytes, PAGE_BYTES, [("NR_VMALLOC", OF_NODES), ("MEMCG_VMALLOC", OF_MEMCGS)]),
    counter!(percpu_bytes, 1, [("MEMCG_PERCPU_B", OF_MEMCGS)]),
    counter!(sock_bytes, PAGE_BYTES, [("MEMCG_SOCK", OF_MEMCGS)]),
    counter!(kernel_bytes, PAGE_BYTES, [("MEMCG_KMEM", OF_MEMCGS)]),
    counter!(zswap_bytes, 1, [("MEMCG_ZSWAP_B", OF_MEMCGS)]),
];

/// The index of each counter in this kernel.
pub(super) fn resolve(btf: &Btf) -> Vec<Option<u32>> {
    let index = |counter: &Counter| {
        let mut names = counter.names.iter();
        let value = names.find_map(|(name, beside)| btf.enum_value_beside(name, beside))?;
        u32::try_from(value).ok()
    };
    ROWS.iter().map(index).collect()
}
