//! Slab objects by owner: what was charged and uncharged, and what a walk found.

pub(crate) mod callers;
mod counters;
mod hot;
pub(crate) mod subject;
mod walker;
