//! What was seen to begin in a session, and whether it still goes on.

use anyhow::Context as _;

use super::{Session, now_ns};
use crate::kernel::counted::locks::LockWaits;
use crate::kernel::counted::locks::details::LockDetails;
use crate::kernel::counted::reclaim::stalls::Stalls;
use crate::kernel::counted::shrinkers::Running;
use crate::kernel::counted::shrinkers::blocked::LONG_NS;
use crate::kernel::counted::spans::TaskNow;
use crate::kernel::host::symbols::Symbols;
use crate::sample::Loss;
use crate::sample::reclaim::{Shrinking, Stall};

impl Session {
    /// Those runs of shrinkers that go on.
    pub(super) fn shrinking(
        &mut self,
        running: Vec<Running>,
        symbols: &Symbols,
    ) -> anyhow::Result<Vec<Shrinking>> {
        let tasks: Vec<u64> = running.iter().map(|(task, _)| *task).collect();
        let tasks = TaskNow::of(&self.kernel.reader()?, &tasks).context("look at who shrinks")?;
        let ebpf = &mut self.kernel.ebpf;
        let (going_on, over) = self.stuck.going_on(running, &tasks, ebpf, symbols);
        if let Some(shrinkers) = &mut self.shrinkers {
            shrinkers.forget(&over);
        }
        Ok(going_on)
    }

    /// Those who wait for reclaim.
    pub(super) fn stalls(&mut self, symbols: &Symbols) -> anyhow::Result<Vec<Stall>> {
        let Some(stalls) = &mut self.stalls else {
            return Ok(Vec::new());
        };
        let reader = self.kernel.reader()?;
        stalls.going_on(&reader, symbols, now_ns(), LONG_NS)
    }

    /// Spans that are over though nobody saw them end; `None` where none are looked for.
    pub(super) fn unseen_ends(&self) -> Option<Loss> {
        let waits = self.locks.as_ref().map(LockWaits::unseen_ends);
        let holds = self.lock_details.as_ref().map(LockDetails::unseen_ends);
        let runs = self.shrinkers.as_ref().map(|_| self.stuck.unseen_ends());
        let stalls = self.stalls.as_ref().map(Stalls::unseen_ends);
        let all = [waits, holds, runs, stalls];
        let any = all.iter().any(Option::is_some);
        any.then(|| Loss {
            place: "unseen_ends".to_owned(),
            lost_total: Some(all.iter().flatten().sum()),
        })
    }
}
