//! The subject of slab memory: objects by events, and the walk of all slabs in the background.

use aya::Ebpf;

use super::counters::Slabs;
use super::walker::SlabWalker;
use crate::kernel::Subject;
use crate::kernel::counted::subject::{Counted, Opening, Round};
use crate::kernel::debugger::kernel::Kernel;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::host::clock::now_ns;
use crate::sample::{Absent, Sample};

pub(crate) struct SlabCounts {
    events: Option<Slabs>,
    walker: Option<SlabWalker>,
    /// The reason why the walk ended, if it did.
    ended: Option<Absent>,
}

impl SlabCounts {
    /// Opens the counters. This must happen before the hooks are attached, which count from their
    /// first event.
    pub(crate) fn open(ebpf: &mut Ebpf, opening: &mut Opening<'_>, is_wanted: bool) -> Self {
        Self {
            events: opening.open(Subject::Slab, is_wanted, || Slabs::open(ebpf)),
            walker: None,
            ended: None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.events.is_some()
    }

    /// Drops the counts unless all hooks are attached: half of the events say nothing of what is
    /// held.
    pub(crate) fn keep_if(&mut self, has_all: bool) {
        self.events.take_if(|_| !has_all);
    }

    /// Starts walks of all slabs in the background, with `budget` of one CPU.
    pub(crate) fn walk(&mut self, budget: f64) {
        self.walker = Some(SlabWalker::new(budget));
    }

    /// Continues the walk in the background.
    pub(crate) fn advance(&mut self, kernel: &mut Kernel) {
        self.with_walker(kernel, |walker, reader, slab| {
            walker.advance(reader, slab, now_ns)
        });
    }

    /// Calls `act` with the walker. If the call fails, the walk ends for good.
    fn with_walker<T>(
        &mut self,
        kernel: &mut Kernel,
        act: impl FnOnce(&mut SlabWalker, &Reader<'_>, Option<&Slabs>) -> Result<T, Unreadable>,
    ) -> Option<T> {
        let walker = self.walker.as_mut()?;
        let reader = kernel.reader();
        let outcome = reader.and_then(|reader| Ok(act(walker, &reader, self.events.as_ref())?));
        if let Err(error) = &outcome {
            self.walker = None;
            self.ended = Some(Absent {
                section: "slab_walk".to_owned(),
                reason: format!("{error:#}"),
            });
        }
        outcome.ok()
    }
}

impl Counted for SlabCounts {
    fn sample(&mut self, round: &mut Round<'_>, sample: &mut Sample) -> anyhow::Result<()> {
        if let Some(events) = &mut self.events {
            sample.slab = Some(events.sample(&round.kernel.ebpf, now_ns())?);
        }
        // Comes before this sample: a failure in it is reported from the next sample on.
        sample.absent.extend(self.ended.clone());
        let walked = self.with_walker(round.kernel, |walker, reader, slab| {
            walker.take(reader, slab, now_ns())
        });
        sample.slab_walk = walked.flatten();
        Ok(())
    }
}
