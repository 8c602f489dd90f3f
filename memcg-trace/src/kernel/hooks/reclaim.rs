//! Hooks of shrinkers and reclaim.

use memcg_trace_common::layout::Layout;

use super::hook::{At, Family, Hook, Part, RuledOut, Variant, optional, required, variant};
use crate::kernel::Subject::{Reclaim, Shrinker};

/// Whether a program on a tracepoint runs without being preempted.
fn tracepoints_not_preempted(layout: &Layout) -> bool {
    layout.preempts_tracepoints != 1
}

/// The variant with kprobes, for kernels on which programs on tracepoints may be preempted.
const fn if_tracepoints_are_preempted(
    parts: &'static [Part],
    when: fn(&Layout) -> bool,
) -> Variant {
    Variant {
        family: Family::Kprobe,
        parts,
        ruled_out: Some(RuledOut {
            when,
            why: "programs on tracepoints are not preempted here",
        }),
        blind_to: "",
    }
}

/// Until 6.2 there is an argument before the list (include/trace/events/vmscan.h: isolate_mode).
fn isolates_by_mode(layout: &Layout) -> bool {
    layout.isolate_lru_arg == 7
}

/// The number of pages that reclaim takes: the hook fires after the pages that it looks at have
/// been taken off the lists of a memcg.
const RECLAIM_SHRUNK: Part = required(
    "reclaim_shrunk",
    At::Tracepoint("mm_vmscan_lru_shrink_inactive"),
);
const RECLAIM_MEMCG_BEGIN: Part = required(
    "reclaim_memcg_begin",
    At::Kprobe("try_to_free_mem_cgroup_pages"),
);
const RECLAIM_VISIT: Part = required("reclaim_visit", At::Kprobe("shrink_lruvec"));
const RECLAIM_VISIT_ONE: Part = optional("reclaim_visit", At::Kprobe("shrink_one"));
const RECLAIM_VISIT_END: Part = optional("reclaim_visit_end", At::Kprobe("vmpressure"));

pub(super) const SHRINKER_SCAN: Hook = Hook {
    name: "shrinker_scan",
    subject: Shrinker,
    variants: &[
        if_tracepoints_are_preempted(
            &[
                required(
                    "shrinker_end_iterated",
                    At::Traceiter("__traceiter_mm_shrink_slab_end"),
                ),
                required(
                    "shrinker_start_iterated",
                    At::Traceiter("__traceiter_mm_shrink_slab_start"),
                ),
            ],
            tracepoints_not_preempted,
        ),
        variant(
            Family::Tracepoint,
            &[
                required("shrinker_end", At::Tracepoint("mm_shrink_slab_end")),
                required("shrinker_start", At::Tracepoint("mm_shrink_slab_start")),
            ],
        ),
    ],
    without_it: "what shrinkers scan and free is not counted",
};

pub(super) const SHRINKER_CALL: Hook = Hook {
    name: "shrinker_call",
    subject: Shrinker,
    variants: &[variant(
        Family::Kprobe,
        &[required("shrinker_call", At::Kprobe("do_shrink_slab"))],
    )],
    without_it: "calls of shrinkers that find nothing are not counted",
};

pub(super) const RECLAIM_RUN: Hook = Hook {
    name: "reclaim_run",
    subject: Reclaim,
    variants: &[
        if_tracepoints_are_preempted(
            &[
                required(
                    "reclaim_end_iterated",
                    At::Traceiter("__traceiter_mm_vmscan_memcg_reclaim_end"),
                ),
                required(
                    "reclaim_end_iterated",
                    At::Traceiter("__traceiter_mm_vmscan_direct_reclaim_end"),
                ),
                optional(
                    "reclaim_end_iterated",
                    At::Traceiter("__traceiter_mm_vmscan_node_reclaim_end"),
                ),
                RECLAIM_MEMCG_BEGIN,
                required(
                    "reclaim_direct_begin_iterated",
                    At::Traceiter("__traceiter_mm_vmscan_direct_reclaim_begin"),
                ),
                optional(
                    "reclaim_direct_begin_iterated",
                    At::Traceiter("__traceiter_mm_vmscan_node_reclaim_begin"),
                ),
            ],
            tracepoints_not_preempted,
        ),
        variant(
            Family::Tracepoint,
            &[
                required("reclaim_end", At::Tracepoint("mm_vmscan_memcg_reclaim_end")),
                required(
                    "reclaim_end",
                    At::Tracepoint("mm_vmscan_direct_reclaim_end"),
                ),
                optional("reclaim_end", At::Tracepoint("mm_vmscan_node_reclaim_end")),
                RECLAIM_MEMCG_BEGIN,
                required(
                    "reclaim_direct_begin",
                    At::Tracepoint("mm_vmscan_direct_reclaim_begin"),
                ),
                optional(
                    "reclaim_direct_begin",
                    At::Tracepoint("mm_vmscan_node_reclaim_begin"),
                ),
            ],
        ),
    ],
    without_it: "who waits for reclaim is not seen, nor why shrinkers run",
};

pub(super) const RECLAIM_PAGES: Hook = Hook {
    name: "reclaim_pages",
    subject: Reclaim,
    variants: &[
        if_tracepoints_are_preempted(
            &[
                required(
                    "reclaim_isolate_iterated",
                    At::Traceiter("__traceiter_mm_vmscan_lru_isolate"),
                ),
                required(
                    "reclaim_shrunk_iterated",
                    At::Traceiter("__traceiter_mm_vmscan_lru_shrink_inactive"),
                ),
                RECLAIM_VISIT_END,
                RECLAIM_VISIT,
                RECLAIM_VISIT_ONE,
            ],
            |layout| tracepoints_not_preempted(layout) || isolates_by_mode(layout),
        ),
        Variant {
            family: Family::Tracepoint,
            parts: &[
                required("reclaim_isolate", At::Tracepoint("mm_vmscan_lru_isolate")),
                RECLAIM_SHRUNK,
                RECLAIM_VISIT_END,
                RECLAIM_VISIT,
                RECLAIM_VISIT_ONE,
            ],
            ruled_out: Some(RuledOut {
                when: isolates_by_mode,
                why: "mm_vmscan_lru_isolate has one argument more here",
            }),
            blind_to: "",
        },
        Variant {
            family: Family::Tracepoint,
            parts: &[
                required(
                    "reclaim_isolate_mode",
                    At::Tracepoint("mm_vmscan_lru_isolate"),
                ),
                RECLAIM_SHRUNK,
                RECLAIM_VISIT_END,
                RECLAIM_VISIT,
                RECLAIM_VISIT_ONE,
                optional("reclaim_lists_done", At::Kprobe("shrink_slab")),
            ],
            ruled_out: Some(RuledOut {
                when: |layout| !isolates_by_mode(layout),
                why: "mm_vmscan_lru_isolate has one argument less here",
            }),
            blind_to: "where MGLRU is on, pages that it tries twice count twice",
        },
    ],
    without_it: "pages scanned and reclaimed are not counted",
};

pub(super) const HIGH_THROTTLE: Hook = Hook {
    name: "high_throttle",
    subject: Reclaim,
    variants: &[variant(
        Family::Kprobe,
        &[
            required("reclaim_throttle_end", At::Kprobe("psi_memstall_leave")),
            required(
                "reclaim_throttle_begin",
                At::Kprobe("schedule_timeout_killable"),
            ),
        ],
    )],
    without_it: "sleeps over memory.high are not counted",
};

pub(super) const DROP_CACHES: Hook = Hook {
    name: "drop_caches",
    subject: Reclaim,
    variants: &[variant(
        Family::Kprobe,
        &[required("reclaim_drop", At::Kprobe("drop_slab"))],
    )],
    without_it: "shrinkers that run for drop_caches have no cause",
};

pub(super) const OOM_KILL: Hook = Hook {
    name: "oom_kill",
    subject: Reclaim,
    variants: &[variant(
        Family::Kprobe,
        &[
            required("oom_kill", At::Kprobe("oom_kill_process")),
            optional("oom_kill_member", At::Kprobe("oom_kill_memcg_member")),
            optional("oom_kill_memory", At::Kprobe("__oom_kill_process")),
        ],
    )],
    without_it: "OOM kills are not seen",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kprobe_is_for_kernels_that_preempt_programs_of_tracepoints() {
        let mut layout = Layout::absent();
        layout.isolate_lru_arg = 6;
        for (preempts, family) in [(0, Family::Tracepoint), (1, Family::Kprobe)] {
            layout.preempts_tracepoints = preempts;
            for hook in [SHRINKER_SCAN, RECLAIM_RUN, RECLAIM_PAGES] {
                let is_open = |one: &&Variant| one.ruled_out.is_none_or(|one| !(one.when)(&layout));
                let first = hook.variants.iter().find(is_open).unwrap();
                assert_eq!(first.family, family, "{}", hook.name);
            }
        }
    }

    #[test]
    fn what_goes_through_programs_names_its_tracepoint() {
        for hook in [SHRINKER_SCAN, RECLAIM_RUN, RECLAIM_PAGES] {
            let parts = hook.variants.iter().flat_map(|one| one.parts);
            for part in parts {
                if let At::Traceiter(function) = part.at {
                    let tracepoint = super::super::tracepoint_of(function);
                    assert_eq!(function, format!("__traceiter_{tracepoint}"));
                }
            }
        }
    }
}
