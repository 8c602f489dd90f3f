//! Call sites whose objects of one slab cache are still alive, of those that were allocated since
//! the cache was watched.

use serde::{Deserialize, Serialize};

use super::Text;

/// All allocations of one cache since it is watched that a tracepoint reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Callers {
    /// Since when the cache is watched, CLOCK_MONOTONIC.
    pub since_ns: u64,
    /// The time of reading, CLOCK_MONOTONIC.
    pub as_of_ns: u64,
    /// The time that reading it took.
    pub took_ns: u64,
    /// `kmem_cache.name`.
    pub cache: Text,
    /// Other caches that the kernel merged with it: their objects are among these.
    pub aliases: Vec<Text>,
    /// Bytes of one object in the slab (`kmem_cache.size`).
    pub size_bytes: u32,
    /// The cache was destroyed meanwhile: what was allocated since may be of another one.
    pub is_gone: bool,
    /// Stacks are kept of the first so many allocations of a call site, and of one in so many later.
    pub stack_every: u64,
    /// The number of objects that can be followed at once.
    pub most_objects: u64,
    /// A row for each call site.
    pub sites: Vec<CallSite>,
}

/// Objects that one call site allocated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallSite {
    /// The function and the offset of the return address in it; `None` where no symbol is near.
    pub call_site: Option<String>,
    /// Objects allocated.
    pub alloc_total: u64,
    /// Those of them that were followed and are freed.
    pub free_total: u64,
    /// Those of them that are not followed: too many were alive.
    pub untracked_total: u64,
    /// Frees, among the others, that were not seen, but follow from an allocation at the same
    /// address.
    pub unseen_free_total: u64,
    /// Sampled stacks.
    pub stacks: Vec<CallerStack>,
}

/// A stack of a call site, and the sampled objects that have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallerStack {
    /// Functions from the call site outwards.
    pub functions: Vec<String>,
    /// Sampled objects with it.
    pub alloc_total: u64,
    /// Those of them that are freed.
    pub free_total: u64,
}

impl CallSite {
    /// The objects that were not freed, as far as was seen.
    #[must_use]
    pub fn alive(&self) -> u64 {
        let gone = self.free_total.saturating_add(self.untracked_total);
        self.alloc_total.saturating_sub(gone)
    }
}

impl CallerStack {
    /// The sampled objects that were not freed, as far as was seen.
    #[must_use]
    pub fn alive(&self) -> u64 {
        self.alloc_total.saturating_sub(self.free_total)
    }
}
