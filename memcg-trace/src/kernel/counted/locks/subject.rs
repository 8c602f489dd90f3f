//! The subject of locks: waiters, holders and durations.

use aya::Ebpf;

use super::details::LockDetails;
use super::holds::Holds;
use super::waits::LockWaits;
use crate::kernel::Subject;
use crate::kernel::counted::subject::{Counted, Opening, Round};
use crate::kernel::hooks::Family;
use crate::kernel::host::clock::now_ns;
use crate::kernel::waits::Events;
use crate::sample::Sample;

pub(crate) struct LockCounts {
    waits: Option<LockWaits>,
    holds: Option<Holds>,
    details: Option<LockDetails>,
}

impl LockCounts {
    pub(crate) fn open(ebpf: &mut Ebpf, opening: &mut Opening<'_>) -> Self {
        let subject = Subject::Lock;
        let (layout, trusted_ns) = (&opening.resolved.layout, opening.trusted_ns);
        let waits = opening.family("lock_wait");
        let waits = opening.open(subject, waits.is_some(), || {
            let sees_ends = waits == Some(Family::Tracepoint);
            LockWaits::open(ebpf, layout, sees_ends, trusted_ns)
        });
        let (releases, all) = (
            opening.is_attached("lock_release"),
            opening.is_attached("lock_acquisition"),
        );
        Self {
            holds: opening.open(subject, opening.is_attached("percpu_hold"), || {
                Holds::open(ebpf)
            }),
            details: opening.open(subject, waits.is_some(), || {
                LockDetails::open(ebpf, layout, releases, all, trusted_ns)
            }),
            waits,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.waits.is_some()
    }
}

impl Counted for LockCounts {
    fn sample(&mut self, round: &mut Round<'_>, sample: &mut Sample) -> anyhow::Result<()> {
        let Some(waits) = &mut self.waits else {
            return Ok(());
        };
        let symbols = round.kernel.symbols();
        let reader = round.kernel.reader()?;
        let mut found = waits.sample(&reader, &symbols, round.memcgs, now_ns())?;
        if let Some(details) = &mut self.details {
            details.add_to(&mut found, self.holds.as_ref(), &reader, &symbols)?;
        }
        sample.locks = Some(found);
        Ok(())
    }

    fn add_to(&self, events: &mut Events) -> anyhow::Result<()> {
        if let Some(waits) = &self.waits {
            waits.add_to(events)?;
        }
        if let Some(holds) = &self.holds {
            holds.add_to(events)?;
        }
        Ok(())
    }

    fn unseen_ends(&self) -> Option<u64> {
        let waits = self.waits.as_ref().map(LockWaits::unseen_ends);
        let holds = self.details.as_ref().map(LockDetails::unseen_ends);
        let both = [waits, holds].into_iter().flatten();
        both.reduce(|sum, more| sum + more)
    }
}
