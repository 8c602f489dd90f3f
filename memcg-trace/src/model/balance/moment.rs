//! One sample with the state of the model, as rules see it.

use crate::model::snapshot::{Memcg, Section, Slab};
use crate::model::tree::Tree;
use crate::sample::Sample;

/// One sample, as the rules see it.
pub(super) struct Moment<'a> {
    pub(super) now_ns: u64,
    /// The time since the sample before.
    pub(super) interval_ns: u64,
    pub(super) sample: &'a Sample,
    pub(super) tree: &'a Tree,
    pub(super) memcgs: &'a [Memcg],
    pub(super) slab: &'a Section<Slab>,
}
