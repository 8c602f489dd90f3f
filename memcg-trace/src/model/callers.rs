//! Call sites of the objects of a cache: the last reading, the call sites with the most objects
//! first.

use std::cmp::Reverse;
use std::sync::Arc;

use super::snapshot::{Section, Source};
use crate::sample::callers::{CallSite, Callers};

/// The name of the section.
pub(super) const NAME: &str = "slab_callers";

/// Returns the section of a sample: one cache.
pub(super) fn section(read: &Callers) -> Arc<Section<Callers>> {
    let mut callers = read.clone();
    let size = |site: &CallSite| Reverse((site.alive(), site.untracked_total, site.alloc_total));
    let sites = &mut callers.sites;
    sites.sort_by(|a, b| (size(a), &a.call_site).cmp(&(size(b), &b.call_site)));
    for CallSite { stacks, .. } in sites {
        stacks.sort_by(|a, b| {
            (b.alive(), b.alloc_total, &a.functions).cmp(&(a.alive(), a.alloc_total, &b.functions))
        });
    }
    Arc::new(Section {
        name: NAME,
        source: Source::Event,
        as_of_ns: Some(read.as_of_ns),
        took_ns: Some(read.took_ns),
        visited: None,
        truncated_at: None,
        reason: None,
        items: vec![callers],
    })
}
