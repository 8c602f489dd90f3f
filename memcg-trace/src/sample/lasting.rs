//! Facts that a sample has only when they change: whoever begins with a later one needs them, too.

use std::collections::BTreeMap;

use super::host_facts::HostFacts;
use super::state_files::StateFiles;
use super::{Cache, Sample, SlabBefore};

/// The most caches whose names are kept: a host has some hundreds.
const MAX_CACHES: usize = 10_000;

/// The newest facts.
#[derive(Debug, Default)]
pub struct Lasting {
    host_facts: Option<HostFacts>,
    state_files: Option<StateFiles>,
    caches: BTreeMap<u64, Cache>,
}

impl Lasting {
    /// Takes in a sample.
    pub fn read(&mut self, sample: &Sample) {
        if sample.host_facts.is_some() {
            self.host_facts.clone_from(&sample.host_facts);
        }
        if sample.state_files.is_some() {
            self.state_files.clone_from(&sample.state_files);
        }
        for cache in sample.slab.iter().flat_map(|slab| &slab.caches) {
            let is_known = self.caches.contains_key(&cache.cache);
            if is_known || self.caches.len() < MAX_CACHES {
                self.caches.insert(cache.cache, cache.clone());
            }
        }
    }

    /// Returns the newest sample, which was taken in, as the first of a recording. A model that
    /// was given all samples until this one knows what was counted before.
    #[must_use]
    pub fn added_to(&self, sample: &Sample, counted: SlabBefore) -> Sample {
        let mut first = sample.clone();
        first.host_facts.clone_from(&self.host_facts);
        first.state_files.clone_from(&self.state_files);
        if let Some(slab) = &mut first.slab {
            slab.caches = self.caches.values().cloned().collect();
            slab.before = Some(Box::new(counted));
        }
        first
    }
}
