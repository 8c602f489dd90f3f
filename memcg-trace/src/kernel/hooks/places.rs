//! All places in the kernel that hooks name, for looking them up.

use super::hook::{At, Part, tracepoint_of};
use super::table::HOOKS;

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
        At::Traceiter(name) => Some(tracepoint_of(name)),
        At::Kprobe(_) | At::Fentry(_) | At::Fexit(_) => None,
    })
}

/// Functions that kprobes and trampolines may be attached to, for looking them up.
pub fn functions() -> impl Iterator<Item = &'static str> {
    parts().filter_map(|part| match part.at {
        At::Kprobe(name) | At::Traceiter(name) | At::Fentry(name) | At::Fexit(name) => Some(name),
        At::Tracepoint(_) => None,
    })
}
