//! Shapes, which are more than places: masks, elements of arrays, and places whose meaning changed.
//! Each is chosen by what BTF has, never by a version.

use memcg_trace_common::layout::{
    ABSENT, HEAD_MASK, HEAD_POINTER, Layout, PAGE_BYTES, VECTOR_ARRAY, VECTOR_IN_OBJECT,
    VECTOR_STRIDE,
};
use memcg_trace_common::reclaim::OOM_COUNTERS;

use super::enumerators::index_of;
use super::fields::{Field, Fields};
use super::resolved::{Missing, Resolved};
use crate::kernel::Subject::{self, Memcg, Reclaim, Slab};
use crate::kernel::host::btf::Btf;

/// `__GFP_ACCOUNT` before its bit had a name in BTF (include/linux/gfp_types.h, up to 6.8).
const GFP_ACCOUNT_UNNAMED: u32 = 0x40_0000;
/// `SLAB_ACCOUNT` before its bit had a name in BTF (include/linux/slab.h, up to 6.8).
const SLAB_ACCOUNT_UNNAMED: u32 = 0x0400_0000;
/// A struct that is nothing but words (arch/x86/include/asm/user_64.h). It has as many words as
/// precede, in its struct, any place that programs read.
const WORDS: &str = "user_regs_struct";
const WORDS_BYTES: u32 = 27 * 8;

/// Resolves all shapes.
pub(super) fn resolve(btf: &Btf, resolved: &mut Resolved) {
    let mut lacks = |subject, what: &str| {
        resolved.missing.push(Missing {
            subject,
            what: what.to_owned(),
        });
    };
    let (layout, fields) = (&mut resolved.layout, &resolved.fields);

    // The css of a memcg is its first member, so that one address serves for both.
    if offset_of(fields, Field::MemcgCss) != Some(0) {
        lacks(
            Memcg,
            "mem_cgroup.css is not at the start of mem_cgroup: unsupported layout",
        );
    }
    match (offset_of(fields, Field::CssSetSubsys), memory_cgrp_id(btf)) {
        (Some(subsys), Some(memory)) => layout.css_set_memory = subsys + memory * 8,
        _ => lacks(
            Memcg,
            "css_set.subsys[memory_cgrp_id] is not in this kernel's BTF",
        ),
    }
    // 5.10 has its counters within the memcg (mm/memcontrol.c: memcg_page_state()).
    let state = offset_of(fields, Field::VmstatsState);
    layout.vmstats_is_inline = u32::from(state.is_none());
    layout.vmstats_state = state.unwrap_or(0);
    for (item, field) in [
        ("NR_SLAB_RECLAIMABLE_B", &mut layout.stat_slab_reclaimable),
        (
            "NR_SLAB_UNRECLAIMABLE_B",
            &mut layout.stat_slab_unreclaimable,
        ),
        ("MEMCG_KMEM", &mut layout.stat_kmem),
    ] {
        *field = index_of(btf, item).unwrap_or(ABSENT);
    }
    let counters = match state {
        Some(_) => fields.place(Field::VmstatsState),
        None => fields.place(Field::MemcgVmstats),
    };
    let bytes = counters.ok().and_then(|place| place.bytes.try_into().ok());
    let fits = |bytes: &u32| *bytes as usize <= OOM_COUNTERS * 8;
    layout.vmstats_bytes = bytes.filter(fits).unwrap_or(ABSENT);
    let updates = fields.place(Field::VmstatsUpdates).ok();
    let bytes = updates.and_then(|place| place.bytes.try_into().ok());
    layout.vmstats_updates_bytes = bytes.unwrap_or(ABSENT);

    if btf.struct_bytes("page").map(u64::from) != Some(PAGE_BYTES) {
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
    vector(btf, fields, layout, &mut lacks);

    let bit = |name: &str| index_of(btf, name).map(|bit| 1_u32 << bit);
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

    let hook = btf.function("__memcg_slab_free_hook");
    layout.has_free_hook = hook.is_some().into();
    let vector =
        hook.and_then(|parameters| parameters.iter().position(|one| one.name == "obj_exts"));
    layout.free_hook_vector_arg = if vector == Some(4) { 4 } else { ABSENT };

    let words = btf.struct_type_id(WORDS);
    let is_words = btf.struct_bytes(WORDS) == Some(WORDS_BYTES);
    layout.word_type_id = match (resolved.rdonly_cast, words) {
        (Some(_), Some(id)) if is_words => id,
        _ => ABSENT,
    };

    layout.shrink_slab_memcg_arg = btf
        .function("shrink_slab")
        .and_then(|parameters| parameters.iter().position(|one| one.name == "memcg"))
        .and_then(|at| u32::try_from(at).ok())
        .unwrap_or(ABSENT);
    // The list is the last argument; an earlier argument was removed (mm/vmscan.c: isolate_mode,
    // 6.3).
    let isolate = btf.tracepoint("mm_vmscan_lru_isolate");
    layout.isolate_lru_arg = match isolate.map(|parameters| parameters.len()) {
        Some(8) => 7,
        Some(7) => 6,
        _ => {
            lacks(
                Reclaim,
                "mm_vmscan_lru_isolate has other arguments: unsupported",
            );
            ABSENT
        }
    };
    // Until 5.13 a change of a counter went up to the root at once.
    layout.flushes_stats = fields.has(Field::VmstatsPending).into();
}

/// Byte offset of a field in its struct; `None` if this kernel does not have the field.
fn offset_of(fields: &Fields, field: Field) -> Option<u32> {
    let place = fields.place(field).ok()?;
    u32::try_from(place.offset).ok()
}

/// The owner vector of a slab.
fn vector(btf: &Btf, fields: &Fields, layout: &mut Layout, lacks: &mut impl FnMut(Subject, &str)) {
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
        match offset_of(fields, Field::ExtObjcg) {
            Some(offset) => layout.ext_objcg = offset,
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
            if fields.has(Field::ExtTags) {
                lacks(
                    Slab,
                    "slabobj_ext has allocation tags beside objcgs: unsupported layout",
                );
            }
            VECTOR_IN_OBJECT
        }
        // Programs read both with one word.
        (None, None) if layout.slab_stride != ABSENT => {
            if layout.slab_stride != layout.slab_counters.wrapping_add(4) {
                lacks(
                    Slab,
                    "slab.stride is not behind the counters: unsupported layout",
                );
            }
            VECTOR_STRIDE
        }
        // Entries are scattered into objects only by kernels that can mark a cache for that.
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

/// The sizes of a memcg's own lists. Programs read at most this many words of each array.
pub(super) fn lists(fields: &Fields, layout: &mut Layout) {
    const WORDS: u64 = 64;
    let array = |field| {
        let place = fields.place(field).ok()?;
        let words = u32::try_from(place.bytes / 8).ok()?;
        let offset = u32::try_from(place.offset).ok()?;
        (place.bytes <= WORDS * 8).then_some((offset, words))
    };
    // Without MGLRU there are no generations; if they cannot be read there is no figure.
    let generations = match fields.place(Field::NodeGenerationPages) {
        Ok(_) => array(Field::NodeGenerationPages),
        Err(_) => Some((0, 0)),
    };
    let nodeinfo = offset_of(fields, Field::MemcgNodeinfo);
    if let (Some(nodeinfo), Some(sizes), Some(generations)) =
        (nodeinfo, array(Field::NodeLruZoneSize), generations)
    {
        layout.memcg_nodeinfo = nodeinfo;
        (layout.node_lru_zone_size, layout.lru_zone_size_words) = sizes;
        (layout.node_generation_pages, layout.generation_pages_words) = generations;
    }
}

/// `SHRINKER_MEMCG_AWARE`, which has no name in BTF (include/linux/shrinker.h). It moved up for a
/// first new flag in the series that also brought `shrinker_info` (5.13), and for a second one in
/// the series that brought `private_data` (6.7).
pub(super) fn memcg_aware_mask(btf: &Btf) -> u32 {
    if btf.member("shrinker.private_data").is_some() {
        1 << 3
    } else if btf.has_struct("shrinker_info") {
        1 << 2
    } else {
        1 << 1
    }
}

/// Index of the memory controller in arrays of controllers (include/linux/cgroup_subsys.h).
pub(super) fn memory_cgrp_id(btf: &Btf) -> Option<u32> {
    index_of(btf, "memory_cgrp_id")
}
