use super::*;

/// Programs that begin a span, and those that end it.
const SPANS: &[(&str, &[&str])] = &[
    (
        "slab_cache_alloc",
        &[
            "slab_free",
            "slab_free_hook",
            "slab_cache_free",
            "slab_free_bulk",
        ],
    ),
    ("slab_kmalloc", &["slab_free", "slab_free_hook"]),
    (
        "caller_cache_alloc",
        &["caller_free", "caller_cache_free", "caller_free_bulk"],
    ),
    (
        "caller_kmalloc",
        &["caller_free", "caller_cache_free", "caller_free_bulk"],
    ),
    ("shrinker_start", &["shrinker_end"]),
    ("shrinker_start_iterated", &["shrinker_end_iterated"]),
    (
        "reclaim_memcg_begin",
        &["reclaim_end", "reclaim_end_iterated"],
    ),
    ("reclaim_direct_begin", &["reclaim_end"]),
    ("reclaim_direct_begin_iterated", &["reclaim_end_iterated"]),
    ("reclaim_visit", &["reclaim_visit_end"]),
    ("reclaim_throttle_begin", &["reclaim_throttle_end"]),
    ("lock_begin", &["lock_end"]),
    ("lock_mutex_slow", &["lock_mutex_released"]),
    ("lock_rwsem_read_slow", &["lock_rwsem_released"]),
    ("lock_rwsem_write_slow", &["lock_rwsem_released"]),
    ("lock_percpu_wait", &["lock_percpu_released"]),
    ("hold_percpu_write", &["hold_percpu_done"]),
    ("hold_mems_read", &["hold_mems_done"]),
    ("offline_begin", &["hold_percpu_done"]),
    ("acquire_mutex", &["acquire_mutex_done"]),
];

#[test]
fn what_ends_a_span_is_attached_before_what_begins_it() {
    for (begin, ends) in SPANS {
        let mut begun = false;
        for hook in HOOKS {
            for variant in hook.variants {
                // Only one variant of a hook is attached.
                let mut begins_here = begun;
                for part in variant.parts {
                    begins_here |= part.program == *begin;
                    let ends_it = ends.contains(&part.program);
                    assert!(!(begins_here && ends_it), "{} after {begin}", part.program);
                }
            }
            let mut parts = hook.variants.iter().flat_map(|one| one.parts);
            begun |= parts.any(|part| part.program == *begin);
        }
        assert!(begun, "no program {begin}");
    }
}
