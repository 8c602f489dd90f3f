//! The subject of reclaim: runs, tasks that wait for them, and OOM kills.

use aya::Ebpf;

use super::counters::Reclaims;
use super::oom::OomKills;
use super::oom_memory::OomMemories;
use super::pressure::pressure;
use super::stalls::Stalls;
use crate::kernel::Subject;
use crate::kernel::counted::shrinkers::blocked::LONG_NS;
use crate::kernel::counted::subject::{Counted, Opening, Round};
use crate::kernel::host::clock::now_ns;
use crate::sample::Sample;

#[derive(Default)]
pub(crate) struct ReclaimCounts {
    runs: Option<Reclaims>,
    stalls: Option<Stalls>,
    kills: Option<OomKills>,
    memories: OomMemories,
}

impl ReclaimCounts {
    pub(crate) fn open(ebpf: &mut Ebpf, opening: &mut Opening<'_>) -> Self {
        let subject = Subject::Reclaim;
        let counts_pages = opening.is_attached("reclaim_pages");
        let counts_throttles = opening.is_attached("high_throttle");
        let trusted_ns = opening.trusted_ns;
        let runs = opening.open(subject, opening.is_attached("reclaim_run"), || {
            Reclaims::open(ebpf, counts_pages, counts_throttles)
        });
        Self {
            stalls: opening.open(subject, runs.is_some(), || Stalls::open(ebpf, trusted_ns)),
            kills: opening.open(subject, opening.is_attached("oom_kill"), || {
                OomKills::open(ebpf)
            }),
            runs,
            memories: OomMemories::default(),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.runs.is_some()
    }
}

impl Counted for ReclaimCounts {
    fn sample(&mut self, round: &mut Round<'_>, sample: &mut Sample) -> anyhow::Result<()> {
        let Some(runs) = &mut self.runs else {
            return Ok(());
        };
        let symbols = round.kernel.symbols();
        let mut found = runs.sample(&symbols, round.memcgs, now_ns())?;
        if let Some(stalls) = &mut self.stalls {
            let reader = round.kernel.reader()?;
            found.stalls = stalls.in_progress(&reader, &symbols, now_ns(), LONG_NS)?;
        }
        sample.reclaim = Some(found);
        Ok(())
    }

    /// Adds limits and pressure of the memcgs that reclaimed: the walk may have found these just
    /// now.
    fn complete(&mut self, round: &mut Round<'_>, sample: &mut Sample) -> anyhow::Result<()> {
        if let Some(kills) = &mut self.kills {
            let killed = kills.take(now_ns(), sample.slab.as_ref().map(|slab| slab.as_of_ns));
            sample.oom_kills = Some(match killed.is_empty() {
                true => Vec::new(),
                false => {
                    let reader = round.kernel.reader()?;
                    self.memories.complete(killed, &reader)
                }
            });
        }
        if let (Some(reclaim), Some(memcgs)) = (&mut sample.reclaim, round.memcgs)
            && !reclaim.counts.is_empty()
        {
            let reader = round.kernel.reader()?;
            reclaim.pressure = pressure(reclaim, memcgs, &reader);
        }
        Ok(())
    }

    fn keep_up(&mut self) {
        if let Some(kills) = &mut self.kills {
            kills.drain();
        }
    }

    fn unseen_ends(&self) -> Option<u64> {
        self.stalls.as_ref().map(Stalls::unseen_ends)
    }
}
