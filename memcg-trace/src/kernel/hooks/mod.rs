//! Hooks: one row for each fact to observe, its variants in order of preference.
//!
//! A variant is chosen by facts from BTF, kallsyms and `available_filter_functions`, and then by a
//! trial; never by the kernel's version. Families: a raw tracepoint if there is one, else a kprobe
//! at a function's entry. No kretprobe: its returns are lost past ten sleepers at once. A
//! trampoline only on request, since detaching it waits for `synchronize_rcu_tasks`, which never
//! ends while a task spins in the kernel.

pub mod attach;
mod blind;
pub(crate) mod detach;
pub mod facts;
pub(crate) mod links;
pub(crate) mod losses;
pub(crate) mod map_memory;
pub(crate) mod patch_object;
mod reclaim;
pub mod select;
mod table;
pub mod trial;

use memcg_trace_common::layout::Layout;
pub use table::HOOKS;

use crate::kernel::Subject;

/// The way in which a program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// A raw tracepoint.
    Tracepoint,
    /// A kprobe at the entry of a function.
    Kprobe,
    /// A trampoline at the entry or the end of a function (fentry, fexit).
    Trampoline,
}

impl Family {
    /// The name of the family, as `--attach` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tracepoint => "tracepoint",
            Self::Kprobe => "kprobe",
            Self::Trampoline => "trampoline",
        }
    }
}

/// The place where a program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// A raw tracepoint.
    Tracepoint(&'static str),
    /// The entry of a function, by kprobe.
    Kprobe(&'static str),
    /// A tracepoint, by kprobe at the function that calls its programs: `__traceiter_…`.
    Iterated(&'static str),
    /// The entry of a function, by trampoline.
    Fentry(&'static str),
    /// The end of a function, by trampoline.
    Fexit(&'static str),
}

impl At {
    /// The name of the place, such as `kprobe:mem_cgroup_css_online`.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Tracepoint(name) => format!("tracepoint:{name}"),
            Self::Kprobe(name) | Self::Iterated(name) => format!("kprobe:{name}"),
            Self::Fentry(name) => format!("fentry:{name}"),
            Self::Fexit(name) => format!("fexit:{name}"),
        }
    }
}

/// The tracepoint whose programs a `__traceiter_…` function calls (include/linux/tracepoint.h).
#[must_use]
pub fn iterated(function: &'static str) -> &'static str {
    function.strip_prefix("__traceiter_").unwrap_or(function)
}

/// A program and its place.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    pub program: &'static str,
    pub at: At,
    /// Whether the variant works without this part, on kernels that lack the place.
    pub optional: bool,
}

/// A condition that rules a variant out.
#[derive(Clone, Copy, Debug)]
pub struct Unless {
    /// Whether the condition is true, so that the variant is ruled out.
    pub holds: fn(&Layout) -> bool,
    /// The reason, for the user.
    pub why: &'static str,
}

/// One way to observe a fact.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// The family that `--attach` selects it by.
    pub family: Family,
    /// The programs to attach.
    pub parts: &'static [Part],
    /// The condition that rules it out although all of its places exist.
    pub unless: Option<Unless>,
    /// The events that it misses; shown by `doctor` where the variant is chosen.
    pub blind_to: &'static str,
}

/// One fact to observe.
#[derive(Clone, Copy, Debug)]
pub struct Hook {
    pub fact: &'static str,
    /// The subject that it is for.
    pub subject: Subject,
    /// Ways to observe it, the best first.
    pub variants: &'static [Variant],
    /// The consequence if it is missing.
    pub costs: &'static str,
}

const fn part(program: &'static str, at: At) -> Part {
    Part {
        program,
        at,
        optional: false,
    }
}

const fn maybe(program: &'static str, at: At) -> Part {
    Part {
        program,
        at,
        optional: true,
    }
}

const fn variant(family: Family, parts: &'static [Part]) -> Variant {
    Variant {
        family,
        parts,
        unless: None,
        blind_to: "",
    }
}

fn parts() -> impl Iterator<Item = &'static Part> {
    HOOKS
        .iter()
        .flat_map(|hook| hook.variants)
        .flat_map(|variant| variant.parts)
}

/// Tracepoints that programs may be attached to.
pub fn tracepoints() -> impl Iterator<Item = &'static str> {
    parts().filter_map(|part| match part.at {
        At::Tracepoint(name) => Some(name),
        At::Iterated(name) => Some(iterated(name)),
        At::Kprobe(_) | At::Fentry(_) | At::Fexit(_) => None,
    })
}

/// Functions that kprobes and trampolines may be attached to, for looking them up.
pub fn functions() -> impl Iterator<Item = &'static str> {
    parts().filter_map(|part| match part.at {
        At::Kprobe(name) | At::Iterated(name) | At::Fentry(name) | At::Fexit(name) => Some(name),
        At::Tracepoint(_) => None,
    })
}

#[cfg(test)]
mod tests {
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
}
