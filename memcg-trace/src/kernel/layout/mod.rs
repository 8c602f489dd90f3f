//! Where things are in the running kernel: one row a field, resolved from BTF.
//!
//! A row has the paths that a field has had, newest first, and the size that it must have. A
//! field that is nowhere is absent; one of another size is unsupported, never a guess. Where the
//! *meaning* of a place changed, a predicate on BTF chooses a shape (see `shapes`). Kernel
//! versions are not looked at: distributions move fields between them.

pub mod cost;
mod field_rows;
pub mod fields;
pub mod inodes;
pub mod pages;
mod rows;
mod shapes;
pub mod swap;

use memcg_trace_common::layout::{ABSENT, Layout};
use zerocopy::IntoBytes as _;

use crate::kernel::Subject;
use crate::kernel::host::btf::Btf;
use crate::kernel::host::symbols::Symbols;
use cost::Cost;
use fields::{Fields, Place};
use inodes::Inodes;
use pages::Pages;
use swap::SwapOwners;

/// Addresses that are wanted from kallsyms, besides those of hooks.
pub const SYMBOLS: &[&str] = &[
    "vmemmap_base",
    "page_offset_base",
    "root_mem_cgroup",
    "mem_cgroup_stats_index",
    "super_cache_scan",
    "mem_hotplug_lock",
    "cgroup_mutex",
    "mem_cgroup_handle_over_high",
    "__mem_cgroup_handle_over_high",
    // For looking up who pins a zombie.
    "__per_cpu_offset",
    "bdi_list",
    "bpf_link_fops",
    "bpf_link_fops_poll",
    "bpf_map_fops",
    "cgroupns_operations",
    "cgrp_dfl_root",
    "cpu_fbatches",
    "fanotify_fops",
    "init_task",
    "inotify_fops",
    "kernfs_file_fops",
    "lru_pvecs",
    "map_idr",
    "memcg_stock",
    "memory_reclaim",
    "mlock_fbatch",
    "mlock_pvec",
    "nr_node_ids",
    "ns_file_operations",
    "nsfs_mnt",
    "perf_fops",
    "pgdir_shift",
    "proto_list",
    "shm_file_operations",
    "shm_file_operations_huge",
    "shrinker_nr_max",
    "socket_file_ops",
    "tap_fops",
    "tun_fops",
    // For who holds what pins.
    "def_blk_fops",
    "io_uring_fops",
    "lo_ioctl",
    "loop_index_idr",
    "nr_swapfiles",
    "ovl_file_operations",
    "ovl_fill_super",
    "shmem_swaplist",
    "swap_cgroup_ctrl",
    "swap_info",
    "swp_slots",
    // For time lost for lack of memory.
    "psi_disabled",
    "psi_system",
    // For what a tracepoint is guarded by.
    "tracepoint_srcu",
    // For looking into dentries and inodes.
    "super_blocks",
    // For looking at who waits.
    "__end_init_stack",
    "__end_init_task",
    "__sched_text_end",
    "__sched_text_start",
    "__start_init_stack",
    "__start_init_task",
    "autoremove_wake_function",
    "cgroup_threadgroup_rwsem",
    "cpu_add_remove_lock",
    "cpu_hotplug_lock",
    "device_hotplug_lock",
    "hrtimer_wakeup",
    "init_stack",
    "max_pfn",
    "modules",
    "percpu_rwsem_wake_function",
    "pipeanon_fops",
    "pipefifo_fops",
    "process_timeout",
    "rcu_data",
    "rcu_state",
    "rcu_tasks_kthread",
    "runqueues",
    "workqueues",
    "wq_barrier_func",
];

/// Something that a subject needs and this kernel does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What cannot be observed for it.
    pub subject: Subject,
    /// One line.
    pub what: String,
}

/// The layout of a kernel, and what it lacks.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// For the programs.
    pub layout: Layout,
    /// Address of `super_cache_scan`, the `scan_objects` of all superblocks; 0 if unknown.
    pub super_cache_scan: u64,
    /// `SHRINKER_MEMCG_AWARE` in `shrinker.flags`.
    pub memcg_aware_mask: u32,
    /// Whether the kernel counts kprobe programs that it passed over.
    pub counts_kprobe_misses: bool,
    /// Fields that user space reads by itself.
    pub fields: Fields,
    /// What a memory cgroup takes by itself.
    pub cost: Cost,
    /// How it reads a `struct page`.
    pub pages: Pages,
    /// How it reads `inode.i_state`.
    pub inodes: Inodes,
    /// What `file.f_ref` has less than there are references; `f_count` was exact.
    pub file_ref_bias: u64,
    /// Bytes of a `struct inode`, behind which a file system has its own.
    pub inode_bytes: u64,
    /// Where it keeps whose a page in swap is.
    pub swap_owners: SwapOwners,
    /// `MM_SWAPENTS`: which of the counters of an address space is that of pages in swap.
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
    /// Per subject.
    pub missing: Vec<Missing>,
}

impl Resolved {
    /// What keeps a subject from being observed, if anything.
    #[must_use]
    pub fn missing_for(&self, subject: Subject) -> Option<&str> {
        self.missing
            .iter()
            .find(|missing| missing.subject == subject)
            .map(|missing| missing.what.as_str())
    }
}

/// Resolves all rows and shapes.
#[must_use]
pub fn resolve(btf: &Btf, symbols: &Symbols) -> Resolved {
    let mut resolved = Resolved {
        layout: Layout::absent(),
        super_cache_scan: 0,
        memcg_aware_mask: shapes::memcg_aware_mask(btf),
        // The counter came with the field that shows it for links (kernel/trace/bpf_trace.c:
        // trace_call_bpf(), 6.7).
        counts_kprobe_misses: btf
            .member("bpf_link_info.perf_event.kprobe.missed")
            .is_some(),
        fields: Fields::resolve(btf),
        cost: Cost::resolve(btf),
        pages: Pages::resolve(btf),
        inodes: Inodes::resolve(btf),
        // Its first reference is 0 (include/linux/file_ref.h: FILE_REF_ONEREF).
        file_ref_bias: btf.member("file.f_ref").is_some().into(),
        inode_bytes: btf.struct_bytes("inode").map_or(0, u64::from),
        swap_owners: SwapOwners::resolve(btf),
        mm_swapents: shapes::index_of(btf, "MM_SWAPENTS").unwrap_or(u32::MAX),
        rdonly_cast: btf.function_type_id("bpf_rdonly_cast"),
        task_iterator: btf.function_type_id("bpf_iter_task"),
        memory_cgrp_id: shapes::memory_cgrp_id(btf).map_or(0, u64::from),
        task_bytes: btf.struct_bytes("task_struct").unwrap_or(0) as usize,
        pipe_buffer_bytes: btf.struct_bytes("pipe_buffer").unwrap_or(0).into(),
        missing: Vec::new(),
    };
    // First, so that it is what a user is told.
    if btf.member("kmem_cache.memcg_params").is_some() {
        resolved.missing.push(Missing {
            subject: Subject::Slab,
            what: "each memcg has slab caches of its own here (until 5.8): unsupported layout"
                .to_owned(),
        });
    }
    for row in rows::ROWS {
        match find(btf, row) {
            Ok(offset) => resolved.layout.as_mut_bytes()[row.at..row.at + 4]
                .copy_from_slice(&offset.to_ne_bytes()),
            Err(what) => {
                resolved
                    .missing
                    .extend(row.needed_by.iter().map(|subject| Missing {
                        subject: *subject,
                        what: what.clone(),
                    }));
            }
        }
    }
    shapes::resolve(btf, &mut resolved);
    shapes::lists(&resolved.fields, &mut resolved.layout);
    // Until 6.12 that was only for tracepoints without RCU; since 7.0 it is for all of them, is
    // fast, and preemption is not off meanwhile (include/linux/tracepoint.h).
    resolved.layout.preempts_tracepoints = u32::from(
        symbols.has("tracepoint_srcu") && btf.member("srcu_struct.srcu_reader_flavor").is_some(),
    );
    addresses(symbols, &mut resolved);
    resolved
}

fn find(btf: &Btf, row: &rows::Row) -> Result<u32, String> {
    let place = find_member(btf, row.paths, Some(row.bytes))?;
    u32::try_from(place.offset)
        .map_err(|_| format!("{}: unsupported layout", row.paths.join(" or ")))
}

/// The first of `paths` that this kernel has, with the size that it must have.
fn find_member(btf: &Btf, paths: &[&str], bytes: Option<u32>) -> Result<Place, String> {
    let Some((path, member)) = paths
        .iter()
        .find_map(|path| Some((path, btf.member(path)?)))
    else {
        return Err(format!(
            "{} is not in this kernel's BTF",
            paths.join(" or ")
        ));
    };
    let unsupported = bytes.is_some_and(|bytes| member.bits != bytes * 8);
    if unsupported || member.bit_offset % 8 != 0 {
        return Err(format!(
            "{path} has {} bits at bit {}, where {} bytes were expected: unsupported layout",
            member.bits,
            member.bit_offset,
            bytes.unwrap_or_default()
        ));
    }
    Ok(Place {
        offset: u64::from(member.bit_offset / 8),
        bytes: u64::from(member.bits / 8),
    })
}

fn addresses(symbols: &Symbols, resolved: &mut Resolved) {
    let address = |name: &str| symbols.address(name).unwrap_or(0);
    let layout = &mut resolved.layout;
    layout.sym_vmemmap_base = address("vmemmap_base");
    layout.sym_page_offset_base = address("page_offset_base");
    layout.sym_root_mem_cgroup = address("root_mem_cgroup");
    layout.sym_mem_cgroup_stats_index = address("mem_cgroup_stats_index");
    layout.sym_nr_node_ids = address("nr_node_ids");
    layout.sym_mem_hotplug_lock = address("mem_hotplug_lock");
    layout.sym_cgroup_mutex = address("cgroup_mutex");
    // The other became an inline function that calls this one (6.17).
    layout.sym_over_high = match address("__mem_cgroup_handle_over_high") {
        0 => address("mem_cgroup_handle_over_high"),
        found => found,
    };
    resolved.super_cache_scan = address("super_cache_scan");
    for (name, found) in [
        ("vmemmap_base", layout.sym_vmemmap_base),
        ("page_offset_base", layout.sym_page_offset_base),
    ] {
        if found == 0 {
            let what = symbols.no_address(name);
            resolved.missing.push(Missing {
                subject: Subject::Slab,
                what,
            });
        }
    }
    // Counters that are packed cannot be read without their table; plain ones need none.
    if symbols.has("mem_cgroup_stats_index") && layout.sym_mem_cgroup_stats_index == 0 {
        layout.stat_slab_reclaimable = ABSENT;
        layout.stat_slab_unreclaimable = ABSENT;
        layout.stat_kmem = ABSENT;
    }
    // Without NUMA there is no such variable; where there is one, nodes cannot be left out.
    if symbols.has("nr_node_ids") && layout.sym_nr_node_ids == 0 {
        layout.memcg_nodeinfo = ABSENT;
    }
}
