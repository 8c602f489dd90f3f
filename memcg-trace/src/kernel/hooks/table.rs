//! The table of hooks.

use memcg_trace_common::layout::{ABSENT, Layout};

use super::hook::{At, Family, Hook, Unless, Variant, maybe, part, variant};
use super::reclaim;
use crate::kernel::Subject::{Acquisition, Life, Lock, Slab, Tax};

/// Whether `kmem_cache_free` fires after the object is gone, and names no cache, as on 5.10; both
/// changed together (mm/slab.c and mm/slub.c, 5.18 and 6.1).
fn free_fires_late(layout: &Layout) -> bool {
    layout.alloc_cache_arg == ABSENT
}

/// Whether the third argument of the function is something else than the memcg, which it is on all
/// known kernels.
fn shrinks_otherwise(layout: &Layout) -> bool {
    layout.shrink_slab_memcg_arg != 2
}

fn flushes_stats(layout: &Layout) -> bool {
    layout.flushes_stats != 0
}

/// All hooks.
pub const HOOKS: &[Hook] = &[
    Hook {
        fact: "memcg_life",
        subject: Life,
        variants: &[variant(
            Family::Kprobe,
            &[
                part("memcg_online", At::Kprobe("mem_cgroup_css_online")),
                part("memcg_offline", At::Kprobe("mem_cgroup_css_offline")),
                part("memcg_released", At::Kprobe("mem_cgroup_css_released")),
                part("memcg_free", At::Kprobe("mem_cgroup_css_free")),
            ],
        )],
        costs: "births and deaths between two walks are not seen",
    },
    Hook {
        fact: "slab_free",
        subject: Slab,
        variants: &[
            variant(
                Family::Kprobe,
                &[part("slab_free_hook", At::Kprobe("__memcg_slab_free_hook"))],
            ),
            Variant {
                family: Family::Tracepoint,
                parts: &[
                    part("slab_free", At::Tracepoint("kmem_cache_free")),
                    part("slab_free", At::Tracepoint("kfree")),
                    part("slab_free_bulk", At::Kprobe("kmem_cache_free_bulk")),
                ],
                unless: Some(Unless {
                    holds: free_fires_late,
                    why: "kmem_cache_free fires after the free here",
                }),
                blind_to: "",
            },
            variant(
                Family::Kprobe,
                &[
                    part("slab_cache_free", At::Kprobe("kmem_cache_free")),
                    part("slab_free", At::Tracepoint("kfree")),
                    part("slab_free_bulk", At::Kprobe("kmem_cache_free_bulk")),
                ],
            ),
            variant(
                Family::Trampoline,
                &[part(
                    "slab_free_hook_fentry",
                    At::Fentry("__memcg_slab_free_hook"),
                )],
            ),
        ],
        costs: "slab objects uncharged are not counted",
    },
    Hook {
        fact: "slab_alloc",
        subject: Slab,
        variants: &[
            Variant {
                family: Family::Tracepoint,
                parts: &[
                    part("slab_cache_alloc", At::Tracepoint("kmem_cache_alloc")),
                    maybe("slab_cache_alloc", At::Tracepoint("kmem_cache_alloc_node")),
                    part("slab_kmalloc", At::Tracepoint("kmalloc")),
                    maybe("slab_kmalloc", At::Tracepoint("kmalloc_node")),
                ],
                unless: None,
                blind_to: "bulk allocations (kmem_cache_alloc_bulk) and objects charged later \
                           (kmem_cache_charge) have no tracepoint: only their frees are counted",
            },
            variant(
                Family::Trampoline,
                &[part(
                    "slab_post_alloc_fexit",
                    At::Fexit("__memcg_slab_post_alloc_hook"),
                )],
            ),
        ],
        costs: "slab objects charged are not counted",
    },
    Hook {
        fact: "reclaim_visit",
        subject: Tax,
        variants: &[Variant {
            family: Family::Kprobe,
            parts: &[part("tax_reclaim", At::Kprobe("shrink_slab"))],
            unless: Some(Unless {
                holds: shrinks_otherwise,
                why: "shrink_slab has its arguments in another order here",
            }),
            blind_to: "",
        }],
        costs: "how many dead memcgs reclaim passes is not counted",
    },
    Hook {
        fact: "stats_flush",
        subject: Tax,
        variants: &[
            variant(
                Family::Kprobe,
                &[
                    part("tax_flush", At::Kprobe("mem_cgroup_css_rstat_flush")),
                    part("tax_flush_begin", At::Kprobe("css_rstat_flush")),
                ],
            ),
            variant(
                Family::Kprobe,
                &[
                    part("tax_flush", At::Kprobe("mem_cgroup_css_rstat_flush")),
                    part("tax_flush_begin", At::Kprobe("cgroup_rstat_flush_locked")),
                ],
            ),
            // Until 5.13 there is nothing to count, and this variant counts nothing.
            Variant {
                family: Family::Kprobe,
                parts: &[part(
                    "tax_flush_begin",
                    At::Kprobe("cgroup_rstat_flush_locked"),
                )],
                unless: Some(Unless {
                    holds: flushes_stats,
                    why: "flushes go through memcgs here",
                }),
                blind_to: "memcg statistics are not flushed here but kept up to date, so that \
                           dead memcgs cost readers nothing",
            },
        ],
        costs: "the time that readers of statistics spend on dead memcgs is not measured",
    },
    // Before the shrinkers: reclaim is their cause.
    reclaim::RECLAIM_RUN,
    reclaim::DROP_CACHES,
    reclaim::SHRINKER_SCAN,
    reclaim::SHRINKER_CALL,
    reclaim::RECLAIM_PAGES,
    reclaim::HIGH_THROTTLE,
    reclaim::OOM_KILL,
    Hook {
        fact: "lock_wait",
        subject: Lock,
        variants: &[
            variant(
                Family::Tracepoint,
                &[
                    part("lock_end", At::Tracepoint("contention_end")),
                    part("lock_begin", At::Tracepoint("contention_begin")),
                ],
            ),
            Variant {
                family: Family::Kprobe,
                parts: &[
                    part("lock_mutex_released", At::Kprobe("__mutex_unlock_slowpath")),
                    // The compiler inlines the first on 5.10; the second does its work.
                    maybe("lock_rwsem_released", At::Kprobe("rwsem_wake")),
                    maybe("lock_rwsem_released", At::Kprobe("rwsem_mark_wake")),
                    maybe("lock_percpu_released", At::Kprobe("percpu_up_write")),
                    part("lock_mutex_slow", At::Kprobe("__mutex_lock_slowpath")),
                    maybe(
                        "lock_mutex_slow",
                        At::Kprobe("__mutex_lock_killable_slowpath"),
                    ),
                    maybe(
                        "lock_mutex_slow",
                        At::Kprobe("__mutex_lock_interruptible_slowpath"),
                    ),
                    part(
                        "lock_rwsem_read_slow",
                        At::Kprobe("rwsem_down_read_slowpath"),
                    ),
                    part(
                        "lock_rwsem_write_slow",
                        At::Kprobe("rwsem_down_write_slowpath"),
                    ),
                    maybe("lock_percpu_wait", At::Kprobe("percpu_rwsem_wait")),
                ],
                unless: None,
                blind_to: "waits that end by spinning, or behind fifteen others, are counted \
                           without a length; a wait ends when its lock is released, which is \
                           before its task runs again",
            },
        ],
        costs: "waits for locks are not seen",
    },
    // For kernels without the tracepoint: the place where a contended lock is released.
    Hook {
        fact: "lock_release",
        subject: Lock,
        variants: &[
            variant(
                Family::Tracepoint,
                &[part(
                    "release_contended",
                    At::Tracepoint("contended_release"),
                )],
            ),
            variant(
                Family::Kprobe,
                &[
                    part("release_mutex_slow", At::Kprobe("__mutex_unlock_slowpath")),
                    part("release_rwsem", At::Kprobe("rwsem_wake")),
                    maybe("release_percpu", At::Kprobe("percpu_up_write")),
                ],
            ),
            // The compiler inlines rwsem_wake() on 5.10; this function does its work.
            variant(
                Family::Kprobe,
                &[
                    part("release_mutex_slow", At::Kprobe("__mutex_unlock_slowpath")),
                    part("release_rwsem", At::Kprobe("rwsem_mark_wake")),
                    maybe("release_percpu", At::Kprobe("percpu_up_write")),
                ],
            ),
        ],
        costs: "stacks of those who keep others waiting for a lock are not known",
    },
    // No percpu-rwsem records its writer; mem_hotplug_begin() and the like all go through these.
    Hook {
        fact: "percpu_hold",
        subject: Lock,
        variants: &[variant(
            Family::Kprobe,
            &[
                part("hold_percpu_done", At::Kprobe("percpu_up_write")),
                maybe("hold_mems_done", At::Kprobe("put_online_mems")),
                part("hold_percpu_write", At::Kprobe("percpu_down_write")),
                maybe("hold_mems_read", At::Kprobe("get_online_mems")),
            ],
        )],
        costs: "who has a percpu-rwsem can only be inferred, and its readers are not known",
    },
    Hook {
        fact: "memory_offline",
        subject: Lock,
        variants: &[variant(
            Family::Kprobe,
            &[
                part("offline_begin", At::Kprobe("offline_pages")),
                part("offline_try", At::Kprobe("do_migrate_range")),
            ],
        )],
        costs: "since when a page cannot be moved, and how often that was tried, is not known",
    },
    Hook {
        fact: "core_dump",
        subject: Lock,
        variants: &[
            variant(
                Family::Kprobe,
                &[
                    part("dump_begin", At::Kprobe("vfs_coredump")),
                    part("dump_page", At::Kprobe("get_dump_page")),
                    maybe("dump_helper", At::Kprobe("umh_coredump_setup")),
                ],
            ),
            variant(
                Family::Kprobe,
                &[
                    part("dump_begin", At::Kprobe("do_coredump")),
                    part("dump_page", At::Kprobe("get_dump_page")),
                    maybe("dump_helper", At::Kprobe("umh_coredump_setup")),
                    maybe("dump_helper", At::Kprobe("umh_pipe_setup")),
                ],
            ),
        ],
        costs: "which page a process that dumps core has in its hands can only be inferred",
    },
    Hook {
        fact: "lock_acquisition",
        subject: Acquisition,
        variants: &[variant(
            Family::Kprobe,
            &[
                part("acquire_mutex_done", At::Kprobe("mutex_unlock")),
                part("acquire_mutex", At::Kprobe("mutex_lock")),
                part("acquire_mutex", At::Kprobe("mutex_lock_killable")),
                part("acquire_mutex", At::Kprobe("mutex_lock_interruptible")),
                part("acquire_mutex", At::Kprobe("mutex_trylock")),
            ],
        )],
        costs: "how often and how long cgroup_mutex is held is not counted",
    },
];

#[cfg(test)]
mod tests;
