//! Hooks: one row for each fact to observe, its variants in order of preference.
//!
//! A variant is chosen by facts from BTF, kallsyms and `available_filter_functions`, and then by a
//! trial; never by the kernel's version. Families: a raw tracepoint if there is one, else a kprobe
//! at a function's entry. No kretprobe: its returns are lost past ten sleepers at once. A
//! trampoline only on request, since detaching it waits for `synchronize_rcu_tasks`, which never
//! ends while a task spins in the kernel.

pub mod attach;
mod callers;
pub(crate) mod detach;
pub mod facts;
mod hook;
pub(crate) mod links;
mod loader;
pub(crate) mod losses;
pub(crate) mod map_memory;
pub(crate) mod map_rows;
pub mod object;
mod object_info;
pub(crate) mod patch_object;
mod places;
pub(crate) mod programs;
mod reclaim;
pub mod refusals;
pub mod select;
mod table;
mod tail_calls;
pub mod trial;

pub use hook::{At, Family, Hook, Part, RuledOut, Variant, tracepoint_of};
pub use places::{functions, tracepoints};
pub use table::HOOKS;
