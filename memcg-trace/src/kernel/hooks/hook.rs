//! What a hook is: a fact to observe, and programs at places in the kernel for it.

use memcg_trace_common::layout::Layout;

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
    Traceiter(&'static str),
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
            Self::Kprobe(name) | Self::Traceiter(name) => format!("kprobe:{name}"),
            Self::Fentry(name) => format!("fentry:{name}"),
            Self::Fexit(name) => format!("fexit:{name}"),
        }
    }
}

/// The tracepoint whose programs a `__traceiter_…` function calls (include/linux/tracepoint.h).
#[must_use]
pub fn tracepoint_of(function: &'static str) -> &'static str {
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
pub struct RuledOut {
    /// Whether the condition is true, so that the variant is ruled out.
    pub when: fn(&Layout) -> bool,
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
    pub ruled_out: Option<RuledOut>,
    /// The events that it misses; shown by `doctor` where the variant is chosen.
    pub blind_to: &'static str,
}

/// One fact to observe.
#[derive(Clone, Copy, Debug)]
pub struct Hook {
    pub name: &'static str,
    /// The subject that it is for.
    pub subject: Subject,
    /// Ways to observe it, the best first.
    pub variants: &'static [Variant],
    /// The consequence if it is missing.
    pub without_it: &'static str,
}

pub(super) const fn required(program: &'static str, at: At) -> Part {
    Part {
        program,
        at,
        optional: false,
    }
}

pub(super) const fn optional(program: &'static str, at: At) -> Part {
    Part {
        program,
        at,
        optional: true,
    }
}

pub(super) const fn variant(family: Family, parts: &'static [Part]) -> Variant {
    Variant {
        family,
        parts,
        ruled_out: None,
        blind_to: "",
    }
}
