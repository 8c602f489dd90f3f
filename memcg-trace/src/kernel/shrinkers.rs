//! Shrinker runs: sums over the CPUs, and the names of shrinkers.

use std::collections::HashMap;

use anyhow::Context as _;
use aya::Ebpf;
use aya::maps::{MapData, PerCpuHashMap};
use memcg_trace_common::shrinker::{
    RESOLVE_ROWS, ShrinkerAsk, ShrinkerCount, ShrinkerKey, ShrinkerRow,
};

use super::attach::take_map;
use super::layout::Resolved;
use super::resolver::Resolver;
use super::symbols::Names;
use super::wire::Wire;
use crate::sample::{Shrinker, Text};

/// Reads shrinker counters.
pub(super) struct Shrinkers {
    counts: PerCpuHashMap<MapData, Wire<ShrinkerKey>, Wire<ShrinkerCount>>,
    resolver: Resolver<ShrinkerAsk>,
    super_cache_scan: u64,
    memcg_aware_mask: u32,
    counts_calls: bool,
    names: Names,
}

impl Shrinkers {
    pub(super) fn open(
        ebpf: &mut Ebpf,
        resolved: &Resolved,
        counts_calls: bool,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            counts: take_map(ebpf, "SHRINKERS")?,
            resolver: Resolver::open(ebpf, "resolve_shrinkers", "SHRINKER_ASK")?,
            super_cache_scan: resolved.super_cache_scan,
            memcg_aware_mask: resolved.memcg_aware_mask,
            counts_calls,
            names: Names::default(),
        })
    }

    pub(super) fn sample(&mut self, ebpf: &Ebpf) -> anyhow::Result<Vec<Shrinker>> {
        let sums: Vec<(ShrinkerKey, ShrinkerCount)> = self
            .counts
            .iter()
            .map(|entry| {
                entry
                    .map(|(Wire(key), per_cpu)| (key, per_cpu.iter().fold(Default::default(), add)))
            })
            .collect::<Result<_, _>>()
            .context("read the shrinker counters")?;
        let rows = self.resolve(ebpf, &sums)?;
        self.names
            .learn(
                rows.values()
                    .map(|row| row.scan_objects)
                    .filter(|address| *address != 0),
            )
            .context("read /proc/kallsyms")?;
        Ok(sums
            .iter()
            .map(|(key, sum)| self.shrinker(key, sum, rows.get(&key.shrinker)))
            .collect())
    }

    fn resolve(
        &mut self,
        ebpf: &Ebpf,
        sums: &[(ShrinkerKey, ShrinkerCount)],
    ) -> anyhow::Result<HashMap<u64, ShrinkerRow>> {
        let mut all: Vec<u64> = sums.iter().map(|(key, _)| key.shrinker).collect();
        all.sort_unstable();
        all.dedup();
        let mut rows = HashMap::with_capacity(all.len());
        let super_cache_scan = self.super_cache_scan;
        let question = |ask: &mut ShrinkerAsk, some: &[u64]| {
            ask.rows = some.len() as u64;
            ask.super_cache_scan = super_cache_scan;
            for (row, shrinker) in ask.row.iter_mut().zip(some) {
                row.shrinker = *shrinker;
            }
        };
        self.resolver
            .ask(ebpf, &all, RESOLVE_ROWS, question, |answer, some| {
                rows.extend(
                    answer
                        .row
                        .iter()
                        .take(some.len())
                        .map(|row| (row.shrinker, *row)),
                );
            })?;
        Ok(rows)
    }

    fn shrinker(
        &self,
        key: &ShrinkerKey,
        sum: &ShrinkerCount,
        row: Option<&ShrinkerRow>,
    ) -> Shrinker {
        let fs = row
            .map(|row| Text::from_c(&row.fs))
            .filter(|fs| !fs.is_empty());
        let known = row.filter(|row| row.scan_objects != 0);
        Shrinker {
            shrinker: key.shrinker,
            name: known
                .and_then(|row| self.names.get(row.scan_objects))
                .map(str::to_owned),
            // include/linux/kdev_t.h: MAJOR() and MINOR().
            dev: fs
                .is_some()
                .then_some(row)
                .flatten()
                .map(|row| format!("{}:{}", row.dev >> 20, row.dev & 0xf_ffff)),
            fs,
            memcg_aware: known.map(|row| row.flags & self.memcg_aware_mask != 0),
            memcg_serial_nr: (key.memcg_serial_nr != 0).then_some(key.memcg_serial_nr),
            node: u32::try_from(key.node).unwrap_or(u32::MAX),
            calls_total: self.counts_calls.then_some(sum.calls),
            asked_objects_total: sum.asked_objects,
            scanned_objects_total: sum.scanned_objects,
            freed_objects_total: sum.freed_objects,
            time_ns_total: sum.time_ns,
            max_ns: sum.max_ns,
        }
    }
}

fn add(sum: ShrinkerCount, Wire(cpu): &Wire<ShrinkerCount>) -> ShrinkerCount {
    ShrinkerCount {
        calls: sum.calls + cpu.calls,
        asked_objects: sum.asked_objects.wrapping_add(cpu.asked_objects),
        scanned_objects: sum.scanned_objects.wrapping_add(cpu.scanned_objects),
        freed_objects: sum.freed_objects + cpu.freed_objects,
        time_ns: sum.time_ns + cpu.time_ns,
        max_ns: sum.max_ns.max(cpu.max_ns),
    }
}
