//! Facts that a sample has only when they change: a recording that begins later needs them too.

use std::collections::BTreeMap;

use crate::model::Model;
use crate::sample::host_facts::HostFacts;
use crate::sample::recording::{Error, frame};
use crate::sample::state_files::StateFiles;
use crate::sample::{Cache, Sample};

/// The most caches whose names are kept: a host has some hundreds.
const MAX_CACHES: usize = 10_000;

/// The newest facts.
#[derive(Debug, Default)]
pub(super) struct Lasting {
    host_facts: Option<HostFacts>,
    state_files: Option<StateFiles>,
    caches: BTreeMap<u64, Cache>,
}

impl Lasting {
    /// Takes in a sample.
    pub(super) fn note(&mut self, sample: &Sample) {
        if let Some(facts) = &sample.host_facts {
            self.host_facts = Some(facts.clone());
        }
        if let Some(files) = &sample.state_files {
            self.state_files = Some(files.clone());
        }
        for cache in sample.slab.iter().flat_map(|slab| &slab.caches) {
            let is_known = self.caches.contains_key(&cache.cache);
            if is_known || self.caches.len() < MAX_CACHES {
                self.caches.insert(cache.cache, cache.clone());
            }
        }
    }

    /// The frame of the newest sample as the first of a recording. The model has the sample, too.
    pub(super) fn frame_of_first(
        &self,
        sample: &mut Sample,
        model: &Model,
    ) -> Result<Vec<u8>, Error> {
        let own = (sample.host_facts.clone(), sample.state_files.clone());
        sample.host_facts.clone_from(&self.host_facts);
        sample.state_files.clone_from(&self.state_files);
        let caches = sample.slab.as_mut().map(|slab| {
            slab.before = Some(Box::new(model.slab_so_far()));
            let all = self.caches.values().cloned().collect();
            std::mem::replace(&mut slab.caches, all)
        });
        let frame = frame(sample, 0);
        (sample.host_facts, sample.state_files) = own;
        if let (Some(slab), Some(caches)) = (&mut sample.slab, caches) {
            slab.before = None;
            slab.caches = caches;
        }
        frame
    }
}
