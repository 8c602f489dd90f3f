//! A tool that makes a test input of a kernel's BTF: only the types that the layout and the hooks
//! need.
//!
//! ```text
//! cargo run -p memcg-trace --example trim_btf -- FULL memcg-trace/tests/btf/6.12.btf
//! ```
//!
//! FULL is a copy of `/sys/kernel/btf/vmlinux`. The trimmed BTF must answer as the full one does:
//! this is checked, so that nothing that a new row or shape needs is left out.

mod trimmed;
mod whole;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use memcg_trace::kernel::hooks;
use memcg_trace::kernel::host::btf::Btf;
use memcg_trace::kernel::layout::{self, fields::ROWS};

use trimmed::Trimmed;
use whole::Whole;

/// Structs whose size, or whose existence, matters.
const STRUCTS: &[&str] = &[
    "cgroup_rstat_base_cpu",
    "cgroup_rstat_cpu",
    "css_rstat_cpu",
    "folio",
    "inode",
    "lruvec_stat",
    "lruvec_stats",
    "lruvec_stats_percpu",
    "mem_cgroup",
    "mem_cgroup_per_node",
    "memcg_vmstats",
    "memcg_vmstats_percpu",
    "page",
    "percpu_ref_data",
    "pipe_buffer",
    "shrinker_info",
    "slabobj_ext",
    "swap_cgroup_ctrl",
    "swap_cluster_info",
    "task_struct",
    "user_regs_struct",
];
/// Members that shapes need in addition to the rows.
const MEMBERS: &[&str] = &[
    "cgroup",
    "lruvec_stat_cpu",
    "lruvec_stat_local",
    "lruvec_stats",
    "lruvec_stats_percpu",
    "obj_exts_in_object",
    "obj_exts_needs_objcg",
    "rstat_base_cpu",
    "rstat_cpu",
    "vmstats_local",
    "vmstats_percpu",
];
const ENUMERATORS: &[&str] = &[
    "I_CLEAR",
    "I_DIRTY_DATASYNC",
    "I_DIRTY_PAGES",
    "I_DIRTY_SYNC",
    "MEMCG_KMEM",
    "MEMCG_PERCPU_B",
    "MEMCG_SOCK",
    "MEMCG_VMALLOC",
    "MEMCG_ZSWAP_B",
    "MM_SWAPENTS",
    "NR_ANON_MAPPED",
    "NR_FILE_DIRTY",
    "NR_FILE_PAGES",
    "NR_HUGETLB",
    "NR_KERNEL_STACK_KB",
    "NR_PAGETABLE",
    "NR_SECONDARY_PAGETABLE",
    "NR_SHMEM",
    "NR_SLAB_RECLAIMABLE_B",
    "NR_SLAB_UNRECLAIMABLE_B",
    "NR_SWAPCACHE",
    "NR_UNEVICTABLE",
    "NR_VMALLOC",
    "NR_WRITEBACK",
    "PGTY_hugetlb",
    "PGTY_large_kmalloc",
    "PGTY_slab",
    "PG_head",
    "PG_lru",
    "PG_slab",
    "PG_swapbacked",
    "PG_swapcache",
    "PG_unevictable",
    "_SLAB_ACCOUNT",
    "_SLAB_OBJ_EXT_IN_OBJ",
    "_SLAB_RECLAIM_ACCOUNT",
    "___GFP_ACCOUNT_BIT",
    "memory_cgrp_id",
];
const FUNCTIONS: &[&str] = &[
    "__memcg_slab_free_hook",
    "__memcg_slab_post_alloc_hook",
    "bpf_iter_task",
    "bpf_rdonly_cast",
    "shrink_slab",
];
const TRACEPOINTS: &[&str] = &["kmem_cache_alloc", "mm_vmscan_lru_isolate"];

/// The answers of a BTF, except ids, which differ after trimming.
fn answers(btf: &Btf) -> String {
    let mut resolved = layout::resolve(btf, None);
    let (cast, iterator) = (resolved.rdonly_cast.take(), resolved.task_iterator.take());
    let words = &mut resolved.layout.word_type_id;
    let has_words = std::mem::take(words) != u32::MAX;
    let tracepoints: BTreeSet<_> = hooks::tracepoints()
        .filter(|name| btf.tracepoint(name).is_some())
        .collect();
    let functions: BTreeSet<_> = hooks::functions()
        .filter(|name| btf.function(name).is_some())
        .collect();
    format!(
        "{resolved:#?}\n{} {} {has_words}\n{tracepoints:#?}\n{functions:#?}",
        cast.is_some(),
        iterator.is_some()
    )
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (full, to) = arguments
        .next()
        .zip(arguments.next())
        .context("trim_btf FULL OUTPUT")?;
    let data = std::fs::read(&full).with_context(|| format!("read {full}"))?;
    let paths = ROWS.iter().flat_map(|row| row.paths);
    let roots = paths.clone().filter_map(|path| path.split('.').next());
    let members = paths.flat_map(|path| path.split('.').skip(1));
    let before = Btf::parse(data.clone())?;
    let whole = Whole::parse(&data)?;
    let roots = roots.chain(STRUCTS.iter().copied()).collect();
    let members = members.chain(MEMBERS.iter().copied()).collect();
    let mut trimmed = Trimmed::new(&whole, roots, members);
    trimmed.keep_all();
    let bytes = trimmed.bytes();
    let after = Btf::parse(bytes.clone())?;
    ensure!(
        answers(&before) == answers(&after),
        "what is left of {full} answers otherwise: name what is missing in this program's lists"
    );
    std::fs::write(&to, bytes).with_context(|| format!("write {to}"))
}
