//! What dead memory cgroups cost those that live: sums over the CPUs.

use anyhow::Context as _;
use aya::Ebpf;
use aya::maps::{MapData, PerCpuArray};
use memcg_trace_common::tax::TaxCount;

use crate::kernel::hooks::attach::take_map;
use crate::kernel::maps::value::Wire;
use crate::sample::Tax;

/// Reads the sums.
pub(crate) struct TaxCounts {
    counts: PerCpuArray<MapData, Wire<TaxCount>>,
    sees_reclaim: bool,
    sees_flushes: bool,
}

impl TaxCounts {
    /// `sees_…` are whether the hooks that count these are attached.
    pub(crate) fn open(
        ebpf: &mut Ebpf,
        sees_reclaim: bool,
        sees_flushes: bool,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            counts: take_map(ebpf, "TAX")?,
            sees_reclaim,
            sees_flushes,
        })
    }

    pub(crate) fn sample(&self) -> anyhow::Result<Tax> {
        let per_cpu = self.counts.get(&0, 0);
        let per_cpu = per_cpu.context("read what dead memory cgroups cost")?;
        let sum = |count: fn(&TaxCount) -> u64| per_cpu.iter().map(|Wire(one)| count(one)).sum();
        let reclaim = |count| self.sees_reclaim.then(|| sum(count));
        let flushes = |count| self.sees_flushes.then(|| sum(count));
        Ok(Tax {
            reclaim_visits_total: reclaim(|one| one.reclaim_visits),
            dead_reclaim_visits_total: reclaim(|one| one.dead_reclaim_visits),
            flushes_total: flushes(|one| one.flushes),
            dead_flushes_total: flushes(|one| one.dead_flushes),
            dead_flush_ns_total: flushes(|one| one.dead_flush_ns),
            dead_flushes_unmeasured_total: flushes(|one| one.dead_flushes_unmeasured),
        })
    }
}
