//! Shrinker runs: sums over the CPUs, and the names of shrinkers.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::Context as _;
use aya::Ebpf;
use aya::maps::{HashMap as KernelMap, MapData, PerCpuHashMap};
use memcg_trace_common::histogram::Histogram;
use memcg_trace_common::shrinker::{
    PRIORITIES, RESOLVE_ROWS, ShrinkerAsk, ShrinkerCount, ShrinkerKey, ShrinkerRow, ShrinkerRun,
};

use crate::kernel::counted::baseline::Baseline;
use crate::kernel::counted::causes::Causes;
use crate::kernel::counted::memcgs::Memcgs;
use crate::kernel::counted::room::{self, GONE};
use crate::kernel::counted::shrinkers::history::ShrinkerHistory;
use crate::kernel::counted::shrinkers::name::{ShrinkerName, name};
use crate::kernel::counted::shrinkers::sums::{Sum, add, since};
use crate::kernel::debugger::resolver::Resolver;
use crate::kernel::hooks::map_rows;
use crate::kernel::host::symbols::{Names, Symbols};
use crate::kernel::layout::Resolved;
use crate::kernel::maps::dump;
use crate::kernel::maps::histogram::DurationHistogram;
use crate::kernel::maps::take_map;
use crate::kernel::maps::value::MapValue;
use crate::sample::reclaim::{Cause, Shrinking};
use crate::sample::{LightScan, Shrinker, Text};

/// The reader of shrinker counters.
pub(crate) struct Shrinkers {
    counts: PerCpuHashMap<MapData, MapValue<ShrinkerKey>, MapValue<ShrinkerCount>>,
    /// The rows that it has room for.
    most_rows: usize,
    times: KernelMap<MapData, MapValue<ShrinkerKey>, MapValue<Histogram>>,
    runs: KernelMap<MapData, u64, MapValue<ShrinkerRun>>,
    resolver: Resolver<ShrinkerAsk>,
    super_cache_scan: u64,
    memcg_aware_mask: u32,
    counts_calls: bool,
    names: Names,
    causes: Causes,
    first_counts: Baseline<ShrinkerKey, ShrinkerCount>,
    first_times: Baseline<ShrinkerKey, Histogram>,
    history: ShrinkerHistory,
    /// Sums of the rows that were folded, or whose shrinker is gone.
    folded: HashMap<ShrinkerKey, (ShrinkerCount, DurationHistogram)>,
}

/// Shrinker, memcg, node and cause: the key of one row.
type Key = (u64, u64, u32, Cause);

/// A run in progress, with the address of its task.
pub(crate) type Running = (u64, Shrinking);

impl Shrinkers {
    pub(crate) fn open(
        ebpf: &mut Ebpf,
        resolved: &Resolved,
        counts_calls: bool,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            counts: take_map(ebpf, map_rows::SHRINKERS.name)?,
            most_rows: map_rows::SHRINKERS.rows() as usize,
            times: take_map(ebpf, "SHRINKER_TIMES")?,
            runs: take_map(ebpf, "SHRINKER_RUNS")?,
            resolver: Resolver::open(ebpf, "resolve_shrinkers", "SHRINKER_ASK")?,
            super_cache_scan: resolved.super_cache_scan,
            memcg_aware_mask: resolved.memcg_aware_mask,
            counts_calls,
            names: Names::default(),
            causes: Causes::default(),
            first_counts: Baseline::default(),
            first_times: Baseline::default(),
            history: ShrinkerHistory::default(),
            folded: HashMap::new(),
        })
    }

    /// Counts of shrinkers, and the runs that have been in progress for `least_ns` or longer.
    pub(crate) fn sample(
        &mut self,
        ebpf: &Ebpf,
        symbols: &Symbols,
        memcgs: Option<&Memcgs>,
        now_ns: u64,
        least_ns: u64,
    ) -> anyhow::Result<(Vec<Shrinker>, Vec<Running>)> {
        // Sums are read before durations, so that the durations are at least as many.
        let mut counts = dump::sums(&self.counts, add).context("read the shrinker counters")?;
        let times = dump::all(&self.times).context("read how long shrinkers ran")?;
        let mut times: Vec<_> = times
            .into_iter()
            .map(|(MapValue(key), times)| (key, times))
            .collect();
        self.first_counts.begin(&counts);
        self.first_times.begin(&times);
        if let Some(memcgs) = memcgs {
            let (rows, most) = (counts.len(), self.most_rows);
            self.fold(&mut counts, &mut times, |key| {
                let gives_way = room::gives_way(memcgs, key.memcg_serial_nr, rows, most);
                gives_way.then_some(ShrinkerKey {
                    memcg_serial_nr: GONE,
                    ..*key
                })
            });
        }
        let mut runs = dump::all(&self.runs).context("read which shrinkers run")?;
        runs.retain(|(_, run)| now_ns.saturating_sub(run.begin_ns) >= least_ns);
        let keys = counts.iter().map(|(key, _)| *key);
        let keys = keys.chain(times.iter().map(|(key, _)| *key));
        let keys = keys.chain(runs.iter().map(|(_, run)| run.key));
        let keys: Vec<ShrinkerKey> = keys.collect();
        let callers = keys.iter().chain(self.folded.keys());
        self.causes.learn(callers.map(|key| key.caller), symbols);
        let resolved = self.resolve(ebpf, keys.iter().map(|key| key.shrinker).collect())?;
        let scan_objects = resolved.values().map(|row| row.scan_objects);
        let scan_objects = scan_objects.filter(|address| *address != 0);
        self.names.learn(scan_objects, symbols);
        let mut replaced = HashMap::new();
        for row in resolved.values() {
            let has_name = self.names.get(row.scan_objects).is_some();
            if let Some(earlier) = self.history.record(row, has_name) {
                replaced.insert(row.shrinker, earlier);
            }
        }
        self.fold(&mut counts, &mut times, |key| {
            replaced.get(&key.shrinker).map(|earlier| ShrinkerKey {
                shrinker: *earlier,
                ..*key
            })
        });
        let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
        for (key, (count, durations)) in &self.folded {
            let sum = sums.entry(self.key(key)).or_default();
            sum.count = add(sum.count, &MapValue(*count));
            sum.durations.add_all(durations);
        }
        for (key, count) in &counts {
            let grown = since(count, self.first_counts.of(key));
            if grown.calls + grown.runs > 0 {
                let sum = sums.entry(self.key(key)).or_default();
                sum.count = add(sum.count, &MapValue(grown));
            }
        }
        for (key, times) in &times {
            if let Some(sum) = sums.get_mut(&self.key(key)) {
                sum.durations.add(times);
                if let Some(first) = self.first_times.of(key) {
                    sum.durations.subtract(first);
                }
            }
        }
        let sums = sums.iter();
        let sums = sums.map(|(key, sum)| self.shrinker(*key, sum, self.history.row(key.0)));
        let runs = runs.iter();
        let runs = runs.map(|(task, run)| {
            let row = self.history.row(run.key.shrinker);
            (run.task, self.shrinking(*task, run, row))
        });
        let told = (sums.collect(), runs.collect());
        let used: HashSet<u64> = keys.iter().map(|key| key.shrinker).collect();
        let folded: HashSet<u64> = self.folded.keys().map(|key| key.shrinker).collect();
        self.history
            .keep(|key| used.contains(&key) || folded.contains(&key));
        Ok(told)
    }

    /// Forgets runs of tasks that are gone.
    pub(crate) fn forget(&mut self, over: &[Shrinking]) {
        for run in over {
            // The row may be gone by now.
            let _ = self
                .runs
                .remove(&(u64::from(run.pid) << 32 | u64::from(run.tid)));
        }
    }

    /// Takes rows out of the kernel's tables, and adds their sums to those of other keys.
    fn fold(
        &mut self,
        counts: &mut Vec<(ShrinkerKey, ShrinkerCount)>,
        times: &mut Vec<(ShrinkerKey, Histogram)>,
        to: impl Fn(&ShrinkerKey) -> Option<ShrinkerKey>,
    ) {
        // Sums are read before durations, as above.
        counts.retain(|(key, count)| {
            let Some(to) = to(key) else { return true };
            let _ = self.counts.remove(&MapValue(*key));
            let (sum, _) = self.folded.entry(to).or_default();
            *sum = add(*sum, &MapValue(since(count, self.first_counts.of(key))));
            self.first_counts.forget(key);
            false
        });
        times.retain(|(key, times)| {
            let Some(to) = to(key) else { return true };
            let _ = self.times.remove(&MapValue(*key));
            let (_, durations) = self.folded.entry(to).or_default();
            durations.add(times);
            if let Some(first) = self.first_times.of(key) {
                durations.subtract(first);
            }
            self.first_times.forget(key);
            false
        });
    }

    fn key(&self, key: &ShrinkerKey) -> Key {
        let cause = self.causes.of(key.kind, key.caller);
        (key.shrinker, key.memcg_serial_nr, key.node, cause)
    }

    fn resolve(
        &mut self,
        ebpf: &Ebpf,
        mut all: Vec<u64>,
    ) -> anyhow::Result<HashMap<u64, ShrinkerRow>> {
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
        (shrinker, memcg, node, cause): Key,
        sum: &Sum,
        row: Option<&ShrinkerRow>,
    ) -> Shrinker {
        let ShrinkerName { name, fs, dev } = name(&self.names, row);
        let known = row.filter(|row| row.scan_objects != 0);
        let Sum { count, durations } = sum;
        // The longest is bounded by the durations of this period, as far as their bucket tells.
        let longest_ns = durations.longest().map(|about_ns| about_ns + about_ns / 4);
        let max_ns = count.max_ns.min(longest_ns.unwrap_or(count.max_ns));
        let percentile = |percent| durations.percentile(percent, count.runs, max_ns);
        let last = |figure: u64| (count.seen_ns != 0).then_some(figure);
        Shrinker {
            shrinker,
            name,
            fs,
            dev,
            memcg_aware: known.map(|row| row.flags & self.memcg_aware_mask != 0),
            memcg_serial_nr: room::known(memcg),
            node,
            cause,
            calls_total: self.counts_calls.then_some(count.calls),
            asked_objects_total: count.asked_objects,
            scanned_objects_total: count.scanned_objects,
            freed_objects_total: count.freed_objects,
            time_ns_total: count.time_ns,
            max_ns,
            p50_ns: percentile(50),
            p99_ns: percentile(99),
            runs_total: Some(count.runs),
            freeable_objects: last(count.freeable_objects),
            deferred_objects: last(count.deferred_objects),
            priorities: count.priorities[..PRIORITIES]
                .iter()
                .map(|runs| u64::from(*runs))
                .collect(),
            light: Some(LightScan {
                due_objects_total: count.light_due_objects,
                deferred_objects_total: count.light_deferred_objects,
                scanned_objects_total: count.light_scanned_objects,
                freed_objects_total: count.light_freed_objects,
            }),
        }
    }

    fn shrinking(&self, task: u64, run: &ShrinkerRun, row: Option<&ShrinkerRow>) -> Shrinking {
        let ShrinkerName { name, fs, dev } = name(&self.names, row);
        let half = |shift: u32| u32::try_from((task >> shift) & 0xffff_ffff).unwrap_or(0);
        let (shrinker, memcg, node, cause) = self.key(&run.key);
        Shrinking {
            pid: half(32),
            tid: half(0),
            comm: Text::from_c(&run.comm),
            shrinker,
            name,
            fs,
            dev,
            memcg_serial_nr: room::known(memcg),
            node,
            cause,
            begin_ns: run.begin_ns,
            stack: Vec::new(),
            unconfirmed: false,
        }
    }
}
