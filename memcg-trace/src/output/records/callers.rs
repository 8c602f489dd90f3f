//! Records of the call sites that have objects of a cache.

use std::borrow::Cow;

use super::waits::stack;
use crate::output::figures::record;
use crate::sample::callers::{self, CallSite, Callers};
use crate::sample::sanitized;

/// Maximum number of stacks in a record.
const MAX_STACKS: usize = 5;

record! {
    /// Objects of the watched cache that one call site allocated while the cache was watched.
    pub struct SlabCaller<'a> {
        /// Function and offset of the return address; null where no symbol is near.
        call_site: Option<Cow<'a, str>> => "CALL SITE",
        /// Objects that were not freed, as far as was seen.
        alive_objects: u64 => "ALIVE",
        /// Memory of these.
        alive_bytes: u64 => "BYTES",
        /// Objects allocated.
        allocated_objects: u64 => "ALLOCATED",
        /// Objects of these that were freed.
        freed_objects: u64 => "FREED",
        /// Objects allocated whose frees are not followed, since too many were alive: they are not
        /// among those alive.
        untracked_objects: u64,
        /// Frees, among the others, that were not seen, but follow from an allocation at the same
        /// address.
        unseen_frees: u64,
        /// Sampled stacks, those with the most objects alive first.
        stacks: Vec<CallerStack<'a>>,
        /// Number of stacks that are not listed.
        stacks_omitted: u64,
    }
}

record! {
    /// A sampled stack.
    struct CallerStack<'a> {
        /// Sampled objects with it that were not freed, as far as was seen.
        alive_samples: u64,
        /// Sampled objects with it.
        samples: u64,
        /// Functions from the call site outwards; null if it could not be read.
        stack: Option<Vec<Cow<'a, str>>>,
    }
}

impl<'a> SlabCaller<'a> {
    /// The record of a call site.
    #[must_use]
    pub fn of(callers: &Callers, site: &'a CallSite) -> Self {
        let alive = site.alive();
        Self {
            call_site: site.call_site.as_deref().map(sanitized),
            alive_objects: alive,
            alive_bytes: alive.saturating_mul(callers.size_bytes.into()),
            allocated_objects: site.alloc_total,
            freed_objects: site.free_total,
            untracked_objects: site.untracked_total,
            unseen_frees: site.unseen_free_total,
            stacks: site
                .stacks
                .iter()
                .take(MAX_STACKS)
                .map(CallerStack::of)
                .collect(),
            stacks_omitted: site.stacks.len().saturating_sub(MAX_STACKS) as u64,
        }
    }
}

impl<'a> CallerStack<'a> {
    fn of(one: &'a callers::CallerStack) -> Self {
        Self {
            alive_samples: one.alive(),
            samples: one.alloc_total,
            stack: stack(&one.functions),
        }
    }
}
