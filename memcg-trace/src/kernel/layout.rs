//! Where things are in the running kernel: one row a field, resolved from BTF.
//!
//! A row has the paths that a field has had, newest first, and the size that it must have. A
//! field that is nowhere is absent; one of another size is unsupported, never a guess. Where the
//! *meaning* of a place changed, a predicate on BTF chooses a shape (see [`shapes`]). Kernel
//! versions are not looked at: distributions move fields between them.

use std::mem::offset_of;

use memcg_trace_common::layout::{
    ABSENT, HEAD_MASK, HEAD_POINTER, Layout, VECTOR_ARRAY, VECTOR_IN_OBJECT, VECTOR_STRIDE,
};
use zerocopy::IntoBytes as _;

use super::Subject::{self, Lock, Memcg, Shrinker, Slab};
use super::btf::Btf;
use super::symbols::Symbols;

/// Addresses that are wanted from kallsyms, besides those of hooks.
pub const SYMBOLS: [&str; 5] = [
    "vmemmap_base",
    "page_offset_base",
    "root_mem_cgroup",
    "mem_cgroup_stats_index",
    "super_cache_scan",
];

/// `__GFP_ACCOUNT` before its bit had a name in BTF (include/linux/gfp_types.h, up to 6.8).
const GFP_ACCOUNT_UNNAMED: u64 = 0x40_0000;
/// `SLAB_ACCOUNT` before its bit had a name in BTF (include/linux/slab.h, up to 6.8).
const SLAB_ACCOUNT_UNNAMED: u64 = 0x0400_0000;
/// Bytes that one `struct page` must have: programs read them at once.
const PAGE_BYTES: u32 = 64;

/// One field.
struct Row {
    /// Its place in [`Layout`].
    at: usize,
    /// Bytes that it must have.
    bytes: u32,
    /// Where it has been, newest first.
    paths: &'static [&'static str],
    /// Subjects that cannot do without it; none where its absence means something.
    needed_by: &'static [Subject],
}

const fn row(
    at: usize,
    bytes: u32,
    paths: &'static [&'static str],
    needed_by: &'static [Subject],
) -> Row {
    Row {
        at,
        bytes,
        paths,
        needed_by,
    }
}

const ROWS: &[Row] = &[
    row(
        offset_of!(Layout, css_cgroup),
        8,
        &["cgroup_subsys_state.cgroup"],
        &[Memcg],
    ),
    row(
        offset_of!(Layout, css_refcnt_percpu_count_ptr),
        8,
        &["cgroup_subsys_state.refcnt.percpu_count_ptr"],
        &[Memcg],
    ),
    row(
        offset_of!(Layout, css_refcnt_data),
        8,
        &["cgroup_subsys_state.refcnt.data"],
        &[Memcg],
    ),
    row(
        offset_of!(Layout, css_sibling),
        16,
        &["cgroup_subsys_state.sibling"],
        &[Memcg],
    ),
    row(
        offset_of!(Layout, css_children),
        16,
        &["cgroup_subsys_state.children"],
        &[Memcg],
    ),
    row(
        offset_of!(Layout, css_id),
        4,
        &["cgroup_subsys_state.id"],
        &[Memcg],
    ),
    row(
        offset_of!(Layout, css_flags),
        4,
        &["cgroup_subsys_state.flags"],
        &[Memcg],
    ),
    row(
        offset_of!(Layout, css_serial_nr),
        8,
        &["cgroup_subsys_state.serial_nr"],
        &Subject::ALL,
    ),
    row(
        offset_of!(Layout, css_parent),
        8,
        &["cgroup_subsys_state.parent"],
        &[Memcg],
    ),
    row(
        offset_of!(Layout, css_nr_populated_csets),
        4,
        &["cgroup_subsys_state.nr_populated_csets"],
        &[],
    ),
    row(
        offset_of!(Layout, css_nr_populated_children),
        4,
        &["cgroup_subsys_state.nr_populated_children"],
        &[],
    ),
    row(
        offset_of!(Layout, ref_data_count),
        8,
        &["percpu_ref_data.count"],
        &[Memcg],
    ),
    row(
        offset_of!(Layout, ref_data_confirm_switch),
        8,
        &["percpu_ref_data.confirm_switch"],
        &[Memcg],
    ),
    row(offset_of!(Layout, cgroup_kn), 8, &["cgroup.kn"], &[Memcg]),
    row(
        offset_of!(Layout, kernfs_name),
        8,
        &["kernfs_node.name"],
        &[Memcg],
    ),
    row(
        offset_of!(Layout, kernfs_id),
        8,
        &["kernfs_node.id"],
        &[Memcg],
    ),
    row(
        offset_of!(Layout, memcg_memory_usage),
        8,
        &["mem_cgroup.memory.usage"],
        &[Memcg],
    ),
    row(
        offset_of!(Layout, memcg_memory_high),
        8,
        &["mem_cgroup.memory.high"],
        &[Memcg],
    ),
    row(
        offset_of!(Layout, memcg_memory_max),
        8,
        &["mem_cgroup.memory.max"],
        &[Memcg],
    ),
    row(
        offset_of!(Layout, task_cgroups),
        8,
        &["task_struct.cgroups"],
        &[Memcg, Lock],
    ),
    row(
        offset_of!(Layout, task_pid),
        4,
        &["task_struct.pid"],
        &[Lock],
    ),
    row(
        offset_of!(Layout, task_tgid),
        4,
        &["task_struct.tgid"],
        &[Lock],
    ),
    row(
        offset_of!(Layout, task_comm),
        16,
        &["task_struct.comm"],
        &[Lock],
    ),
    row(
        offset_of!(Layout, task_start_time),
        8,
        &["task_struct.start_time"],
        &[Lock],
    ),
    row(
        offset_of!(Layout, task_nvcsw),
        8,
        &["task_struct.nvcsw"],
        &[Lock],
    ),
    row(
        offset_of!(Layout, task_nivcsw),
        8,
        &["task_struct.nivcsw"],
        &[Lock],
    ),
    row(
        offset_of!(Layout, page_head),
        8,
        &["page.compound_info", "page.compound_head"],
        &[Slab],
    ),
    row(
        offset_of!(Layout, page_type),
        4,
        &["page.page_type"],
        &[Slab],
    ),
    row(offset_of!(Layout, page_flags), 8, &["page.flags"], &[Slab]),
    row(
        offset_of!(Layout, slab_cache),
        8,
        &["slab.slab_cache", "page.slab_cache"],
        &[Slab],
    ),
    row(
        offset_of!(Layout, slab_counters),
        8,
        &["slab.counters", "page.counters"],
        &[Slab],
    ),
    row(
        offset_of!(Layout, slab_vector),
        8,
        &["slab.obj_exts", "slab.memcg_data", "page.obj_cgroups"],
        &[Slab],
    ),
    row(offset_of!(Layout, slab_stride), 4, &["slab.stride"], &[]),
    row(
        offset_of!(Layout, objcg_memcg),
        8,
        &["obj_cgroup.memcg"],
        &[Slab],
    ),
    row(
        offset_of!(Layout, cache_flags),
        4,
        &["kmem_cache.flags"],
        &[Slab],
    ),
    row(
        offset_of!(Layout, cache_size),
        4,
        &["kmem_cache.size"],
        &[Slab],
    ),
    row(
        offset_of!(Layout, cache_object_size),
        4,
        &["kmem_cache.object_size"],
        &[Slab],
    ),
    row(
        offset_of!(Layout, cache_name),
        8,
        &["kmem_cache.name"],
        &[Slab],
    ),
    row(
        offset_of!(Layout, shrinker_count_objects),
        8,
        &["shrinker.count_objects"],
        &[Shrinker],
    ),
    row(
        offset_of!(Layout, shrinker_scan_objects),
        8,
        &["shrinker.scan_objects"],
        &[Shrinker],
    ),
    row(
        offset_of!(Layout, shrinker_flags),
        4,
        &["shrinker.flags"],
        &[Shrinker],
    ),
    row(
        offset_of!(Layout, shrinker_private_data),
        8,
        &["shrinker.private_data"],
        &[],
    ),
    row(offset_of!(Layout, sb_type), 8, &["super_block.s_type"], &[]),
    row(offset_of!(Layout, sb_dev), 4, &["super_block.s_dev"], &[]),
    row(
        offset_of!(Layout, fs_type_name),
        8,
        &["file_system_type.name"],
        &[],
    ),
    row(
        offset_of!(Layout, control_memcg),
        8,
        &["shrink_control.memcg"],
        &[Shrinker],
    ),
    row(
        offset_of!(Layout, control_nid),
        4,
        &["shrink_control.nid"],
        &[Shrinker],
    ),
    row(
        offset_of!(Layout, mutex_owner),
        8,
        &["mutex.owner"],
        &[Lock],
    ),
    row(
        offset_of!(Layout, rwsem_owner),
        8,
        &["rw_semaphore.owner"],
        &[Lock],
    ),
    row(
        offset_of!(Layout, mutex_wait_list),
        16,
        &["mutex.wait_list"],
        &[],
    ),
    row(
        offset_of!(Layout, rwsem_wait_list),
        16,
        &["rw_semaphore.wait_list"],
        &[],
    ),
    row(
        offset_of!(Layout, mutex_first_waiter),
        8,
        &["mutex.first_waiter"],
        &[],
    ),
    row(
        offset_of!(Layout, rwsem_first_waiter),
        8,
        &["rw_semaphore.first_waiter"],
        &[],
    ),
    row(
        offset_of!(Layout, waiter_list),
        16,
        &["mutex_waiter.list"],
        &[],
    ),
    row(
        offset_of!(Layout, waiter_task),
        8,
        &["mutex_waiter.task"],
        &[],
    ),
    row(
        offset_of!(Layout, percpu_waiters),
        16,
        &["percpu_rw_semaphore.waiters.head"],
        &[],
    ),
    row(
        offset_of!(Layout, queue_entry),
        16,
        &["wait_queue_entry.entry"],
        &[],
    ),
    row(
        offset_of!(Layout, queue_private),
        8,
        &["wait_queue_entry.private"],
        &[],
    ),
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
        memcg_aware_mask: memcg_aware_mask(btf),
        // The counter came with the field that shows it for links (kernel/trace/bpf_trace.c:
        // trace_call_bpf(), 6.7).
        counts_kprobe_misses: btf
            .member("bpf_link_info.perf_event.kprobe.missed")
            .is_some(),
        missing: Vec::new(),
    };
    for row in ROWS {
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
    shapes(btf, &mut resolved);
    addresses(symbols, &mut resolved);
    resolved
}

fn find(btf: &Btf, row: &Row) -> Result<u32, String> {
    let Some((path, member)) = row
        .paths
        .iter()
        .find_map(|path| Some((path, btf.member(path)?)))
    else {
        return Err(format!(
            "{} is not in this kernel's BTF",
            row.paths.join(" or ")
        ));
    };
    if member.bits != row.bytes * 8 || member.bit_offset % 8 != 0 {
        return Err(format!(
            "{path} has {} bits at bit {}, where {} bytes were expected: unsupported layout",
            member.bits, member.bit_offset, row.bytes
        ));
    }
    Ok(member.bit_offset / 8)
}

/// What is not a place: masks, array elements, and places whose meaning changed.
fn shapes(btf: &Btf, resolved: &mut Resolved) {
    let mut lacks = |subject, what: &str| {
        resolved.missing.push(Missing {
            subject,
            what: what.to_owned(),
        });
    };
    let layout = &mut resolved.layout;

    // The css of a memcg is at its begin, so one address serves for both.
    if btf
        .member("mem_cgroup.css")
        .is_none_or(|css| css.bit_offset != 0)
    {
        lacks(
            Memcg,
            "mem_cgroup.css is not at the begin of mem_cgroup: unsupported layout",
        );
    }
    match (
        btf.member("css_set.subsys"),
        index_of(btf, "memory_cgrp_id"),
    ) {
        (Some(subsys), Some(memory)) => {
            layout.css_set_memory = subsys.bit_offset / 8 + memory * 8;
        }
        _ => lacks(
            Memcg,
            "css_set.subsys[memory_cgrp_id] is not in this kernel's BTF",
        ),
    }
    // 5.10 has its counters within the memcg (mm/memcontrol.c: memcg_page_state()).
    let stats = btf
        .member("mem_cgroup.vmstats")
        .map(|member| member.bit_offset / 8);
    let state = btf
        .member("memcg_vmstats.state")
        .map(|member| member.bit_offset / 8);
    layout.memcg_vmstats = stats.unwrap_or(ABSENT);
    layout.vmstats_is_inline = u32::from(state.is_none());
    layout.vmstats_state = state.unwrap_or(0);
    for (item, field) in [
        ("NR_SLAB_RECLAIMABLE_B", &mut layout.stat_slab_reclaimable),
        (
            "NR_SLAB_UNRECLAIMABLE_B",
            &mut layout.stat_slab_unreclaimable,
        ),
    ] {
        *field = index_of(btf, item).unwrap_or(ABSENT);
    }

    layout.page_bytes = btf.struct_bytes("page").unwrap_or(0);
    if layout.page_bytes != PAGE_BYTES {
        lacks(Slab, "struct page is not of 64 bytes: unsupported layout");
    }
    let masked = btf.member("page.compound_info").is_some();
    layout.head_shape = if masked { HEAD_MASK } else { HEAD_POINTER };
    // A flag until 6.9, then a type in the upper byte (include/linux/page-flags.h).
    match (index_of(btf, "PG_slab"), index_of(btf, "PGTY_slab")) {
        (Some(flag), None) => layout.page_slab_mask = 1 << flag,
        (_, Some(kind)) => layout.page_type_slab = kind,
        (None, None) => lacks(
            Slab,
            "neither PG_slab nor PGTY_slab is in this kernel's BTF",
        ),
    }
    vector(btf, layout, &mut lacks);

    let bit = |name: &str| index_of(btf, name).map(|bit| 1_u64 << bit);
    layout.gfp_account_mask = bit("___GFP_ACCOUNT_BIT").unwrap_or(GFP_ACCOUNT_UNNAMED);
    layout.cache_account_mask = bit("_SLAB_ACCOUNT").unwrap_or(SLAB_ACCOUNT_UNNAMED);
    let cache_arg = btf.tracepoint("kmem_cache_alloc").and_then(|parameters| {
        parameters
            .iter()
            .position(|one| one.points_to.as_deref() == Some("kmem_cache"))
    });
    layout.alloc_cache_arg = match cache_arg {
        Some(2) => 2,
        Some(_) => {
            lacks(
                Slab,
                "kmem_cache_alloc has its arguments in another order: unsupported",
            );
            ABSENT
        }
        None => ABSENT,
    };
    layout.post_alloc_size_arg = btf
        .function("__memcg_slab_post_alloc_hook")
        .and_then(|parameters| parameters.iter().position(|one| one.name == "size"))
        .and_then(|at| u32::try_from(at).ok())
        .unwrap_or(ABSENT);

    let shrink = btf.member("super_block.s_shrink");
    layout.sb_shrink = shrink.map_or(ABSENT, |member| member.bit_offset / 8);
}

/// The vector of owners that a slab carries.
fn vector(btf: &Btf, layout: &mut Layout, lacks: &mut impl FnMut(Subject, &str)) {
    let counters = btf.member("slab.counters");
    let bit_in_counters = |path: &str| {
        let bit = btf
            .member(path)?
            .bit_offset
            .checked_sub(counters?.bit_offset)?;
        (bit < 64).then(|| 1_u64 << bit)
    };
    if btf.has_struct("slabobj_ext") {
        layout.ext_bytes = btf.struct_bytes("slabobj_ext").unwrap_or(0);
        let objcg = btf
            .member("slabobj_ext._objcg")
            .or_else(|| btf.member("slabobj_ext.objcg"));
        match objcg {
            Some(member) => layout.ext_objcg = member.bit_offset / 8,
            None => lacks(Slab, "slabobj_ext.objcg is not in this kernel's BTF"),
        }
    } else {
        // Until 6.9 the vector is one of pointers.
        layout.ext_bytes = 8;
        layout.ext_objcg = 0;
    }
    let inside = bit_in_counters("slab.obj_exts_in_object");
    let needs = bit_in_counters("slab.obj_exts_needs_objcg");
    layout.vector_shape = match (inside, needs) {
        (Some(inside), Some(needs)) => {
            layout.slab_in_object_mask = inside;
            layout.slab_needs_objcg_mask = needs;
            if btf.member("slabobj_ext._ctref").is_some() {
                lacks(
                    Slab,
                    "slabobj_ext has allocation tags beside objcgs: unsupported layout",
                );
            }
            VECTOR_IN_OBJECT
        }
        (None, None) if layout.slab_stride != ABSENT => VECTOR_STRIDE,
        // Entries are scattered into objects only by kernels that can mark a cache for it.
        (None, None) if btf.enum_value("_SLAB_OBJ_EXT_IN_OBJ").is_none() => VECTOR_ARRAY,
        _ => {
            lacks(
                Slab,
                "how far the owners in a slab's vector are apart: unsupported layout",
            );
            ABSENT
        }
    };
}

/// `SHRINKER_MEMCG_AWARE` has no name in BTF (include/linux/shrinker.h): it made way for a first
/// flag in the series that also brought `shrinker_info` (5.13), and for a second in the one that
/// brought `private_data` (6.7).
fn memcg_aware_mask(btf: &Btf) -> u32 {
    if btf.member("shrinker.private_data").is_some() {
        1 << 3
    } else if btf.has_struct("shrinker_info") {
        1 << 2
    } else {
        1 << 1
    }
}

fn addresses(symbols: &Symbols, resolved: &mut Resolved) {
    let address = |name: &str| symbols.address(name).unwrap_or(0);
    let layout = &mut resolved.layout;
    layout.sym_vmemmap_base = address("vmemmap_base");
    layout.sym_page_offset_base = address("page_offset_base");
    layout.sym_root_mem_cgroup = address("root_mem_cgroup");
    layout.sym_mem_cgroup_stats_index = address("mem_cgroup_stats_index");
    resolved.super_cache_scan = address("super_cache_scan");
    for (name, found) in [
        ("vmemmap_base", layout.sym_vmemmap_base),
        ("page_offset_base", layout.sym_page_offset_base),
    ] {
        if found == 0 {
            let what = format!("kallsyms shows no address of {name}");
            resolved.missing.push(Missing {
                subject: Slab,
                what,
            });
        }
    }
    // Counters that are packed cannot be read without their table; plain ones need none.
    if symbols.has("mem_cgroup_stats_index") && layout.sym_mem_cgroup_stats_index == 0 {
        layout.stat_slab_reclaimable = ABSENT;
        layout.stat_slab_unreclaimable = ABSENT;
    }
}

fn index_of(btf: &Btf, enumerator: &str) -> Option<u32> {
    btf.enum_value(enumerator)
        .and_then(|value| u32::try_from(value).ok())
}
