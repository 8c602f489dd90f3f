//! The cost of dead memory cgroups for the living ones: sums over the CPUs.

use anyhow::Context as _;
use aya::Ebpf;
use aya::maps::{MapData, PerCpuArray};
use memcg_trace_common::zombie_cost::ZombieCost;

use crate::kernel::Subject;
use crate::kernel::counted::subject::{Counted, Opening, Round};
use crate::kernel::maps::take_map;
use crate::kernel::maps::value::MapValue;
use crate::sample::{self, Sample};

/// The reader of these sums.
pub(crate) struct ZombieCosts {
    counts: PerCpuArray<MapData, MapValue<ZombieCost>>,
    sees_reclaim: bool,
    sees_flushes: bool,
}

impl ZombieCosts {
    /// Opens the sums if any of the hooks that count is attached.
    pub(crate) fn open_if(ebpf: &mut Ebpf, opening: &mut Opening<'_>) -> Option<Self> {
        let sees_reclaim = opening.is_attached("reclaim_visit");
        let can_see_flushes = opening.resolved.layout.flushes_stats != 0;
        let sees_flushes = opening.is_attached("stats_flush") && can_see_flushes;
        opening.open(Subject::ZombieCost, sees_reclaim || sees_flushes, || {
            Self::open(ebpf, sees_reclaim, sees_flushes)
        })
    }

    /// The `sees_…` flags say whether the hooks for these are attached.
    fn open(ebpf: &mut Ebpf, sees_reclaim: bool, sees_flushes: bool) -> anyhow::Result<Self> {
        Ok(Self {
            counts: take_map(ebpf, "ZOMBIE_COST")?,
            sees_reclaim,
            sees_flushes,
        })
    }

    fn read(&self) -> anyhow::Result<sample::ZombieCost> {
        let per_cpu = self.counts.get(&0, 0);
        let per_cpu = per_cpu.context("read what dead memory cgroups cost")?;
        let sum =
            |count: fn(&ZombieCost) -> u64| per_cpu.iter().map(|MapValue(one)| count(one)).sum();
        let reclaim = |count| self.sees_reclaim.then(|| sum(count));
        let flushes = |count| self.sees_flushes.then(|| sum(count));
        Ok(sample::ZombieCost {
            reclaim_visits_total: reclaim(|one| one.reclaim_visits),
            dead_reclaim_visits_total: reclaim(|one| one.dead_reclaim_visits),
            flushes_total: flushes(|one| one.flushes),
            dead_flushes_total: flushes(|one| one.dead_flushes),
            dead_flush_ns_total: flushes(|one| one.dead_flush_ns),
            dead_flushes_unmeasured_total: flushes(|one| one.dead_flushes_unmeasured),
        })
    }
}

impl Counted for ZombieCosts {
    fn sample(&mut self, _: &mut Round<'_>, sample: &mut Sample) -> anyhow::Result<()> {
        sample.zombie_cost = Some(self.read()?);
        Ok(())
    }
}
