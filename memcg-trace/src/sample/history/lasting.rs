//! Facts that samples tell once, and that later samples of the same run rely on.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::sample::host_facts::HostFacts;
use crate::sample::state_files::StateFiles;
use crate::sample::{Cache, Sample, Slab, SlabCount};

/// The most counters that are remembered: as many as the model follows.
const MAX_COUNTERS: usize = 1 << 20;

/// The newest of what is only in the samples in which it changed.
#[derive(Debug, Default)]
pub struct Lasting {
    host_facts: Option<HostFacts>,
    state_files: Option<StateFiles>,
    caches: HashMap<u64, Cache>,
    counts: HashMap<(u64, u64), SlabCount>,
}

impl Lasting {
    /// Takes in what a sample tells once.
    pub fn read(&mut self, sample: &Sample) {
        if sample.host_facts.is_some() {
            self.host_facts.clone_from(&sample.host_facts);
        }
        if sample.state_files.is_some() {
            self.state_files.clone_from(&sample.state_files);
        }
        let Some(slab) = &sample.slab else { return };
        for cache in &slab.caches {
            self.caches.insert(cache.cache, cache.clone());
        }
        for count in &slab.counts {
            let key = (count.objcg, count.cache);
            if self.counts.len() < MAX_COUNTERS || self.counts.contains_key(&key) {
                self.counts.insert(key, count.clone());
            }
        }
    }

    /// Returns the sample, with what only earlier ones have.
    pub fn added_to<'a>(&mut self, sample: &'a Sample) -> Cow<'a, Sample> {
        self.forget_released(sample);
        let mut whole = Cow::Borrowed(sample);
        if sample.host_facts.is_none() && self.host_facts.is_some() {
            whole.to_mut().host_facts.clone_from(&self.host_facts);
        }
        if sample.state_files.is_none() && self.state_files.is_some() {
            whole.to_mut().state_files.clone_from(&self.state_files);
        }
        if let Some(slab) = &sample.slab
            && !(self.caches.is_empty() && self.counts.is_empty())
        {
            let slab = self.whole_slab(slab);
            whole.to_mut().slab = Some(slab);
        }
        whole
    }

    fn whole_slab(&self, slab: &Slab) -> Slab {
        let caches: HashSet<u64> = slab.caches.iter().map(|one| one.cache).collect();
        let counts = slab.counts.iter().map(|one| (one.objcg, one.cache));
        let counts: HashSet<(u64, u64)> = counts.collect();
        let mut whole = slab.clone();
        let more = self.caches.iter();
        let more = more.filter(|(key, _)| !caches.contains(key));
        whole.caches.extend(more.map(|(_, cache)| cache.clone()));
        let more = self.counts.iter();
        let more = more.filter(|(key, _)| !counts.contains(key));
        whole.counts.extend(more.map(|(_, count)| count.clone()));
        whole
    }

    /// Drops counters of memcgs that are gone: their rows went with them.
    fn forget_released(&mut self, sample: &Sample) {
        let Some(walk) = &sample.memcgs else { return };
        let here: HashSet<u64> = walk.rows.iter().map(|memcg| memcg.serial_nr).collect();
        let is_here = |memcg: Option<u64>| memcg.is_none_or(|memcg| here.contains(&memcg));
        self.counts
            .retain(|_, count| is_here(count.memcg_serial_nr));
    }
}
