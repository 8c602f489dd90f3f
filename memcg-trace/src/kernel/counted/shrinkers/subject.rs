//! The subject of shrinkers: their runs, and those in progress.

use anyhow::Context as _;
use aya::Ebpf;

use super::blocked::{BlockedTasks, LONG_NS};
use super::counters::{Running, Shrinkers};
use crate::kernel::Subject;
use crate::kernel::counted::spans::TaskNow;
use crate::kernel::counted::subject::{Counted, Opening, Round};
use crate::kernel::host::clock::now_ns;
use crate::kernel::host::symbols::Symbols;
use crate::sample::Sample;
use crate::sample::reclaim::Shrinking;

pub(crate) struct ShrinkerCounts {
    runs: Option<Shrinkers>,
    blocked: BlockedTasks,
}

impl ShrinkerCounts {
    pub(crate) fn open(ebpf: &mut Ebpf, opening: &mut Opening<'_>) -> Self {
        let (resolved, sees_calls) = (opening.resolved, opening.is_attached("shrinker_call"));
        let is_wanted = opening.is_attached("shrinker_scan");
        Self {
            runs: opening.open(Subject::Shrinker, is_wanted, || {
                Shrinkers::open(ebpf, resolved, sees_calls)
            }),
            blocked: BlockedTasks::new(opening.trusted_ns, resolved.task_iterator),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.runs.is_some()
    }

    /// The runs that are in progress.
    fn shrinking(
        &mut self,
        running: Vec<Running>,
        round: &mut Round<'_>,
        symbols: &Symbols,
    ) -> anyhow::Result<Vec<Shrinking>> {
        let tasks: Vec<u64> = running.iter().map(|(task, _)| *task).collect();
        let tasks = TaskNow::of(&round.kernel.reader()?, &tasks).context("read shrinking tasks")?;
        let ebpf = &mut round.kernel.ebpf;
        let (in_progress, over) = self.blocked.in_progress(running, &tasks, ebpf, symbols);
        if let Some(runs) = &mut self.runs {
            runs.forget(&over);
        }
        Ok(in_progress)
    }
}

impl Counted for ShrinkerCounts {
    fn sample(&mut self, round: &mut Round<'_>, sample: &mut Sample) -> anyhow::Result<()> {
        let Some(runs) = &mut self.runs else {
            return Ok(());
        };
        let symbols = round.kernel.symbols();
        let ebpf = &round.kernel.ebpf;
        let (rows, running) = runs.sample(ebpf, &symbols, round.memcgs, now_ns(), LONG_NS)?;
        sample.shrinkers = Some(rows);
        if let Some(reclaim) = &mut sample.reclaim {
            reclaim.shrinking = self.shrinking(running, round, &symbols)?;
        }
        Ok(())
    }

    fn unseen_ends(&self) -> Option<u64> {
        self.runs.as_ref().map(|_| self.blocked.unseen_ends())
    }
}
