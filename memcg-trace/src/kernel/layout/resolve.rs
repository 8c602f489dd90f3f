//! Resolution of all rows and shapes, from BTF and symbols.

use memcg_trace_common::layout::{ABSENT, Layout};
use zerocopy::IntoBytes as _;

use super::cost::Cost;
use super::enumerators::index_of;
use super::fields::{self, Field, Fields};
use super::inodes::Inodes;
use super::memcg_counters;
use super::pages::Pages;
use super::resolved::{Missing, Resolved};
use super::shapes;
use super::swap::SwapOwners;
use crate::kernel::Subject;
use crate::kernel::host::btf::Btf;
use crate::kernel::host::symbols::{Symbol, Symbols};

/// Resolves all rows and shapes. Without `symbols`, addresses are unknown, and no subject is
/// missing for lack of one.
#[must_use]
pub fn resolve(btf: &Btf, symbols: Option<&Symbols>) -> Resolved {
    let mut layout = Layout::absent();
    let mut fields = Fields::default();
    let mut missing = Vec::new();
    for row in fields::ROWS {
        let found = row.find(btf);
        match &found {
            Ok(place) => row.put(layout.as_mut_bytes(), *place),
            Err(what) => missing.extend(row.needed_by.iter().map(|subject| Missing {
                subject: *subject,
                what: what.clone(),
            })),
        }
        fields.push(row, found);
    }
    if fields.has(Field::CacheMemcgParams) {
        let old_caches = Missing {
            subject: Subject::Slab,
            what: "each memcg has slab caches of its own here (until 5.8): unsupported layout"
                .to_owned(),
        };
        // First, so that users are shown this reason.
        missing.insert(0, old_caches);
    }
    let mut resolved = Resolved {
        layout,
        super_cache_scan: 0,
        memcg_aware_mask: shapes::memcg_aware_mask(btf),
        // The counter came with the field that shows it for links (kernel/trace/bpf_trace.c:
        // trace_call_bpf(), 6.7).
        counts_kprobe_misses: fields.has(Field::LinkKprobeMissed),
        cost: Cost::resolve(btf),
        pages: Pages::resolve(btf, &fields),
        persistent_name: index_of(btf, "DCACHE_PERSISTENT").map(u64::from),
        inodes: Inodes::resolve(btf, &fields),
        memcg_counters: memcg_counters::resolve(btf),
        // The first reference is counted as 0 (include/linux/file_ref.h: FILE_REF_ONEREF).
        file_ref_bias: fields.has(Field::FileRef).into(),
        inode_bytes: btf.struct_bytes("inode").map_or(0, u64::from),
        swap_owners: SwapOwners::resolve(btf, &fields),
        mm_swapents: index_of(btf, "MM_SWAPENTS").unwrap_or(u32::MAX),
        rdonly_cast: btf.function_type_id("bpf_rdonly_cast"),
        task_iterator: btf.function_type_id("bpf_iter_task"),
        memory_cgrp_id: shapes::memory_cgrp_id(btf).map_or(0, u64::from),
        task_bytes: btf.struct_bytes("task_struct").unwrap_or(0) as usize,
        pipe_buffer_bytes: btf.struct_bytes("pipe_buffer").unwrap_or(0).into(),
        fields,
        missing,
    };
    shapes::resolve(btf, &mut resolved);
    shapes::lists(&resolved.fields, &mut resolved.layout);
    // Until 6.12 only tracepoints without RCU used SRCU; since 7.0 all of them do: it is fast, and
    // leaves preemption on (include/linux/tracepoint.h).
    let is_srcu = symbols.is_some_and(|symbols| symbols.has(Symbol::TracepointSrcu))
        && resolved.fields.has(Field::SrcuReaderFlavor);
    resolved.layout.preempts_tracepoints = is_srcu.into();
    if let Some(symbols) = symbols {
        addresses(symbols, &mut resolved);
    }
    resolved
}

fn addresses(symbols: &Symbols, resolved: &mut Resolved) {
    let address = |symbol| symbols.address(symbol).unwrap_or(0);
    let layout = &mut resolved.layout;
    layout.sym_vmemmap_base = address(Symbol::VmemmapBase);
    layout.sym_page_offset_base = address(Symbol::PageOffsetBase);
    layout.sym_root_mem_cgroup = address(Symbol::RootMemCgroup);
    layout.sym_mem_cgroup_stats_index = address(Symbol::MemCgroupStatsIndex);
    layout.sym_nr_node_ids = address(Symbol::NrNodeIds);
    layout.sym_mem_hotplug_lock = address(Symbol::MemHotplugLock);
    layout.sym_cgroup_mutex = address(Symbol::CgroupMutex);
    layout.sym_nr_swap_pages = address(Symbol::NrSwapPages);
    layout.sym_total_swap_pages = address(Symbol::TotalSwapPages);
    layout.sym_over_high = address(Symbol::OverHigh);
    resolved.super_cache_scan = address(Symbol::SuperCacheScan);
    for symbol in Symbol::ALL {
        if symbols.address(*symbol).is_none() {
            let subjects = symbol.needed_by().iter();
            resolved.missing.extend(subjects.map(|subject| Missing {
                subject: *subject,
                what: symbols.no_address(*symbol),
            }));
        }
    }
    // Counters that are packed cannot be read without their table; plain ones need none.
    if symbols.has(Symbol::MemCgroupStatsIndex) && layout.sym_mem_cgroup_stats_index == 0 {
        layout.stat_slab_reclaimable = ABSENT;
        layout.stat_slab_unreclaimable = ABSENT;
        layout.stat_kmem = ABSENT;
        layout.vmstats_bytes = ABSENT;
    }
    // A kernel without NUMA has no such variable; where the variable exists, nodes must be known.
    if symbols.has(Symbol::NrNodeIds) && layout.sym_nr_node_ids == 0 {
        layout.memcg_nodeinfo = ABSENT;
    }
}
