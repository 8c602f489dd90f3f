//! The table of hooks.

use memcg_trace_common::layout::Layout;

use super::callers::{CALLER_ALLOC, CALLER_FREE, free_fires_late};
use super::hook::{At, Family, Hook, RuledOut, Variant, optional, required, variant};
use super::reclaim;
use crate::kernel::Subject::{Acquisition, Lock, MemcgEvents, Slab, ZombieCost};

/// Whether the third argument of the function is something else than the memcg, which it is on all
/// known kernels.
fn memcg_is_not_arg_2(layout: &Layout) -> bool {
    layout.shrink_slab_memcg_arg != 2
}

fn flushes_stats(layout: &Layout) -> bool {
    layout.flushes_stats != 0
}

/// All hooks.
pub const HOOKS: &[Hook] = &[
    Hook {
        name: "memcg_life",
        subject: MemcgEvents,
        variants: &[variant(
            Family::Kprobe,
            &[
                required("memcg_online", At::Kprobe("mem_cgroup_css_online")),
                required("memcg_offline", At::Kprobe("mem_cgroup_css_offline")),
                required("memcg_released", At::Kprobe("mem_cgroup_css_released")),
                required("memcg_free", At::Kprobe("mem_cgroup_css_free")),
            ],
        )],
        without_it: "births and deaths between two walks are not seen",
    },
    Hook {
        name: "slab_free",
        subject: Slab,
        variants: &[
            variant(
                Family::Kprobe,
                &[required(
                    "slab_free_hook",
                    At::Kprobe("__memcg_slab_free_hook"),
                )],
            ),
            Variant {
                family: Family::Tracepoint,
                parts: &[
                    required("slab_free", At::Tracepoint("kmem_cache_free")),
                    required("slab_free", At::Tracepoint("kfree")),
                    required("slab_free_bulk", At::Kprobe("kmem_cache_free_bulk")),
                ],
                ruled_out: Some(RuledOut {
                    when: free_fires_late,
                    why: "kmem_cache_free fires after the free here",
                }),
                blind_to: "",
            },
            variant(
                Family::Kprobe,
                &[
                    required("slab_cache_free", At::Kprobe("kmem_cache_free")),
                    required("slab_free", At::Tracepoint("kfree")),
                    required("slab_free_bulk", At::Kprobe("kmem_cache_free_bulk")),
                ],
            ),
            variant(
                Family::Trampoline,
                &[required(
                    "slab_free_hook_fentry",
                    At::Fentry("__memcg_slab_free_hook"),
                )],
            ),
        ],
        without_it: "slab objects uncharged are not counted",
    },
    Hook {
        name: "slab_alloc",
        subject: Slab,
        variants: &[
            Variant {
                family: Family::Tracepoint,
                parts: &[
                    required("slab_cache_alloc", At::Tracepoint("kmem_cache_alloc")),
                    optional("slab_cache_alloc", At::Tracepoint("kmem_cache_alloc_node")),
                    required("slab_kmalloc", At::Tracepoint("kmalloc")),
                    optional("slab_kmalloc", At::Tracepoint("kmalloc_node")),
                ],
                ruled_out: None,
                blind_to: "bulk allocations (kmem_cache_alloc_bulk) and objects charged later \
                           (kmem_cache_charge) have no tracepoint: only their frees are counted",
            },
            variant(
                Family::Trampoline,
                &[required(
                    "slab_post_alloc_fexit",
                    At::Fexit("__memcg_slab_post_alloc_hook"),
                )],
            ),
        ],
        without_it: "slab objects charged are not counted",
    },
    Hook {
        name: "reclaim_visit",
        subject: ZombieCost,
        variants: &[Variant {
            family: Family::Kprobe,
            parts: &[required("tax_reclaim", At::Kprobe("shrink_slab"))],
            ruled_out: Some(RuledOut {
                when: memcg_is_not_arg_2,
                why: "shrink_slab has its arguments in another order here",
            }),
            blind_to: "",
        }],
        without_it: "how many dead memcgs reclaim passes is not counted",
    },
    Hook {
        name: "stats_flush",
        subject: ZombieCost,
        variants: &[
            variant(
                Family::Kprobe,
                &[
                    required("tax_flush", At::Kprobe("mem_cgroup_css_rstat_flush")),
                    required("tax_flush_begin", At::Kprobe("css_rstat_flush")),
                ],
            ),
            variant(
                Family::Kprobe,
                &[
                    required("tax_flush", At::Kprobe("mem_cgroup_css_rstat_flush")),
                    required("tax_flush_begin", At::Kprobe("cgroup_rstat_flush_locked")),
                ],
            ),
            // Until 5.13 there is nothing to count, and this variant counts nothing.
            Variant {
                family: Family::Kprobe,
                parts: &[required(
                    "tax_flush_begin",
                    At::Kprobe("cgroup_rstat_flush_locked"),
                )],
                ruled_out: Some(RuledOut {
                    when: flushes_stats,
                    why: "flushes go through memcgs here",
                }),
                blind_to: "memcg statistics are not flushed here but kept up to date, so that \
                           dead memcgs cost readers nothing",
            },
        ],
        without_it: "the time that readers of statistics spend on dead memcgs is not measured",
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
        name: "lock_wait",
        subject: Lock,
        variants: &[
            variant(
                Family::Tracepoint,
                &[
                    required("lock_end", At::Tracepoint("contention_end")),
                    required("lock_begin", At::Tracepoint("contention_begin")),
                ],
            ),
            Variant {
                family: Family::Kprobe,
                parts: &[
                    required("lock_mutex_released", At::Kprobe("__mutex_unlock_slowpath")),
                    // The compiler inlines the first on 5.10; the second does its work.
                    optional("lock_rwsem_released", At::Kprobe("rwsem_wake")),
                    optional("lock_rwsem_released", At::Kprobe("rwsem_mark_wake")),
                    optional("lock_percpu_released", At::Kprobe("percpu_up_write")),
                    required("lock_mutex_slow", At::Kprobe("__mutex_lock_slowpath")),
                    optional(
                        "lock_mutex_slow",
                        At::Kprobe("__mutex_lock_killable_slowpath"),
                    ),
                    optional(
                        "lock_mutex_slow",
                        At::Kprobe("__mutex_lock_interruptible_slowpath"),
                    ),
                    required(
                        "lock_rwsem_read_slow",
                        At::Kprobe("rwsem_down_read_slowpath"),
                    ),
                    required(
                        "lock_rwsem_write_slow",
                        At::Kprobe("rwsem_down_write_slowpath"),
                    ),
                    optional("lock_percpu_wait", At::Kprobe("percpu_rwsem_wait")),
                ],
                ruled_out: None,
                blind_to: "waits that end by spinning, or behind fifteen others, are counted \
                           without a length; a wait ends when its lock is released, which is \
                           before its task runs again",
            },
        ],
        without_it: "waits for locks are not seen",
    },
    // For kernels without the tracepoint: the place where a contended lock is released.
    Hook {
        name: "lock_release",
        subject: Lock,
        variants: &[
            variant(
                Family::Tracepoint,
                &[required(
                    "release_contended",
                    At::Tracepoint("contended_release"),
                )],
            ),
            variant(
                Family::Kprobe,
                &[
                    required("release_mutex_slow", At::Kprobe("__mutex_unlock_slowpath")),
                    required("release_rwsem", At::Kprobe("rwsem_wake")),
                    optional("release_percpu", At::Kprobe("percpu_up_write")),
                ],
            ),
            // The compiler inlines rwsem_wake() on 5.10; this function does its work.
            variant(
                Family::Kprobe,
                &[
                    required("release_mutex_slow", At::Kprobe("__mutex_unlock_slowpath")),
                    required("release_rwsem", At::Kprobe("rwsem_mark_wake")),
                    optional("release_percpu", At::Kprobe("percpu_up_write")),
                ],
            ),
        ],
        without_it: "stacks of those who keep others waiting for a lock are not known",
    },
    // No percpu-rwsem records its writer; mem_hotplug_begin() and the like all go through these.
    Hook {
        name: "percpu_hold",
        subject: Lock,
        variants: &[variant(
            Family::Kprobe,
            &[
                required("hold_percpu_done", At::Kprobe("percpu_up_write")),
                optional("hold_mems_done", At::Kprobe("put_online_mems")),
                required("hold_percpu_write", At::Kprobe("percpu_down_write")),
                optional("hold_mems_read", At::Kprobe("get_online_mems")),
            ],
        )],
        without_it: "who has a percpu-rwsem can only be inferred, and its readers are not known",
    },
    Hook {
        name: "memory_offline",
        subject: Lock,
        variants: &[variant(
            Family::Kprobe,
            &[
                required("offline_begin", At::Kprobe("offline_pages")),
                required("offline_try", At::Kprobe("do_migrate_range")),
            ],
        )],
        without_it: "since when a page cannot be moved, and how often that was tried, is not known",
    },
    Hook {
        name: "core_dump",
        subject: Lock,
        variants: &[
            variant(
                Family::Kprobe,
                &[
                    required("dump_begin", At::Kprobe("vfs_coredump")),
                    required("dump_page", At::Kprobe("get_dump_page")),
                    optional("dump_helper", At::Kprobe("umh_coredump_setup")),
                ],
            ),
            variant(
                Family::Kprobe,
                &[
                    required("dump_begin", At::Kprobe("do_coredump")),
                    required("dump_page", At::Kprobe("get_dump_page")),
                    optional("dump_helper", At::Kprobe("umh_coredump_setup")),
                    optional("dump_helper", At::Kprobe("umh_pipe_setup")),
                ],
            ),
        ],
        without_it: "which page a process that dumps core has in its hands can only be inferred",
    },
    Hook {
        name: "lock_acquisition",
        subject: Acquisition,
        variants: &[variant(
            Family::Kprobe,
            &[
                required("acquire_mutex_done", At::Kprobe("mutex_unlock")),
                required("acquire_mutex", At::Kprobe("mutex_lock")),
                required("acquire_mutex", At::Kprobe("mutex_lock_killable")),
                required("acquire_mutex", At::Kprobe("mutex_lock_interruptible")),
                required("acquire_mutex", At::Kprobe("mutex_trylock")),
            ],
        )],
        without_it: "how often and how long cgroup_mutex is held is not counted",
    },
    CALLER_FREE,
    CALLER_ALLOC,
];

#[cfg(test)]
mod tests;
