//! Hooks of the question which call sites have objects of a cache.

use memcg_trace_common::layout::{ABSENT, Layout};

use super::hook::{At, Family, Hook, Part, RuledOut, Variant, optional, required};
use crate::kernel::Subject::Callers;

/// Whether `kmem_cache_free` fires after the object is gone, and names no cache, as on 5.10; both
/// changed together (mm/slab.c and mm/slub.c, 5.18 and 6.1).
pub(super) fn free_fires_late(layout: &Layout) -> bool {
    layout.alloc_cache_arg == ABSENT
}

const KFREE: Part = required("caller_free", At::Tracepoint("kfree"));
const FREE_BULK: Part = required("caller_free_bulk", At::Kprobe("kmem_cache_free_bulk"));
/// Frees after a grace period that no tracepoint reports, on kernels that have sheaves.
const FREE_BY_RCU: Part = optional("caller_cache_free", At::Kprobe("__kfree_rcu_sheaf"));

/// Frees come first: an address is followed from an allocation to the next free.
pub(super) const CALLER_FREE: Hook = Hook {
    name: "caller_free",
    subject: Callers,
    variants: &[
        Variant {
            family: Family::Tracepoint,
            parts: &[
                required("caller_free", At::Tracepoint("kmem_cache_free")),
                KFREE,
                FREE_BULK,
                FREE_BY_RCU,
            ],
            ruled_out: Some(RuledOut {
                when: free_fires_late,
                why: "kmem_cache_free fires after the free here",
            }),
            blind_to: "",
        },
        Variant {
            family: Family::Kprobe,
            parts: &[
                required("caller_cache_free", At::Kprobe("kmem_cache_free")),
                KFREE,
                FREE_BULK,
                FREE_BY_RCU,
            ],
            ruled_out: None,
            blind_to: "",
        },
    ],
    without_it: "call sites whose slab objects stay alive are not known",
};

pub(super) const CALLER_ALLOC: Hook = Hook {
    name: "caller_alloc",
    subject: Callers,
    variants: &[Variant {
        family: Family::Tracepoint,
        parts: &[
            required("caller_cache_alloc", At::Tracepoint("kmem_cache_alloc")),
            optional(
                "caller_cache_alloc",
                At::Tracepoint("kmem_cache_alloc_node"),
            ),
            required("caller_kmalloc", At::Tracepoint("kmalloc")),
            optional("caller_kmalloc", At::Tracepoint("kmalloc_node")),
        ],
        ruled_out: None,
        blind_to: "bulk allocations (kmem_cache_alloc_bulk) have no tracepoint",
    }],
    without_it: "call sites of slab objects are not known",
};
