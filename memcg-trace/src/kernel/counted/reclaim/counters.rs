//! Reclaim: sums over the CPUs, by memcg, cause and limit.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use anyhow::Context as _;
use aya::Ebpf;
use aya::maps::{HashMap as KernelMap, MapData, PerCpuHashMap};
use memcg_trace_common::histogram::Histogram;
use memcg_trace_common::reclaim::{ReclaimCount, ReclaimKey, StalledKey, StalledTask, kind};

use crate::kernel::counted::baseline::Baseline;
use crate::kernel::counted::causes::Causes;
use crate::kernel::counted::memcgs::Memcgs;
use crate::kernel::counted::reclaim::sums::{Key, add, book, finish, since, stalled_since};
use crate::kernel::counted::room::{self, GONE};
use crate::kernel::hooks::map_rows;
use crate::kernel::host::symbols::Symbols;
use crate::kernel::maps::dump;
use crate::kernel::maps::histogram::DurationHistogram;
use crate::kernel::maps::take_map;
use crate::kernel::maps::value::MapValue;
use crate::sample::Text;
use crate::sample::reclaim::{self, Cause, Reclaim};

/// Most tasks in a sample.
const TASKS: usize = 100;

/// The reader of reclaim counters.
pub(crate) struct Reclaims {
    counts: PerCpuHashMap<MapData, MapValue<ReclaimKey>, MapValue<ReclaimCount>>,
    /// The rows that it has room for.
    most_rows: usize,
    times: KernelMap<MapData, MapValue<ReclaimKey>, MapValue<Histogram>>,
    tasks: KernelMap<MapData, MapValue<StalledKey>, MapValue<StalledTask>>,
    causes: Causes,
    counts_pages: bool,
    counts_throttles: bool,
    first_counts: Baseline<ReclaimKey, ReclaimCount>,
    first_times: Baseline<ReclaimKey, Histogram>,
    first_tasks: Baseline<StalledKey, StalledTask>,
    /// Sums of the rows that were folded to free space.
    folded: HashMap<ReclaimKey, (ReclaimCount, DurationHistogram)>,
}

impl Reclaims {
    /// The `counts_…` flags say whether the hooks for these are attached.
    pub(crate) fn open(
        ebpf: &mut Ebpf,
        counts_pages: bool,
        counts_throttles: bool,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            counts: take_map(ebpf, map_rows::RECLAIM.name)?,
            most_rows: map_rows::RECLAIM.rows() as usize,
            times: take_map(ebpf, "STALL_TIMES")?,
            tasks: take_map(ebpf, "STALLED_TASKS")?,
            causes: Causes::default(),
            counts_pages,
            counts_throttles,
            first_counts: Baseline::default(),
            first_times: Baseline::default(),
            first_tasks: Baseline::default(),
            folded: HashMap::new(),
        })
    }

    pub(crate) fn sample(
        &mut self,
        symbols: &Symbols,
        memcgs: Option<&Memcgs>,
        now_ns: u64,
    ) -> anyhow::Result<Reclaim> {
        // Sums are read before durations, so that the durations are at least as many.
        let mut sums = dump::sums(&self.counts, add).context("read the counters of reclaim")?;
        let times = dump::all(&self.times).context("read how long reclaim took")?;
        let mut times: Vec<_> = times
            .into_iter()
            .map(|(MapValue(key), times)| (key, times))
            .collect();
        self.first_counts.begin(&sums);
        self.first_times.begin(&times);
        if let Some(memcgs) = memcgs {
            self.make_room(memcgs, &mut sums, &mut times);
        }
        let folded = self.folded.keys().map(|key| key.caller);
        let callers = sums.iter().map(|(key, _)| key.caller).chain(folded);
        let callers = callers.chain(times.iter().map(|(key, _)| key.caller));
        self.causes.learn(callers, symbols);
        let mut rows: BTreeMap<Key, (reclaim::ReclaimCount, DurationHistogram)> = BTreeMap::new();
        for (key, (sum, durations)) in &self.folded {
            if let Some(at) = self.key(key) {
                let (row, all) = rows.entry(at).or_default();
                book(row, key, sum);
                all.add_all(durations);
            }
        }
        for (key, sum) in &sums {
            let grown = since(sum, self.first_counts.of(key));
            if let Some(at) = self.key(key)
                && grown.runs + grown.visits + grown.scanned_pages > 0
            {
                book(&mut rows.entry(at).or_default().0, key, &grown);
            }
        }
        for (key, times) in times.iter().filter(|(key, _)| key.is_kthread == 0) {
            if let Some(at) = self.key(key)
                && let Some((_, durations)) = rows.get_mut(&at)
            {
                durations.add(times);
                if let Some(first) = self.first_times.of(key) {
                    durations.subtract(first);
                }
            }
        }
        Ok(Reclaim {
            as_of_ns: now_ns,
            counts: rows.into_iter().map(finish).collect(),
            tasks: self.worst_tasks()?,
            stalls: Vec::new(),
            shrinking: Vec::new(),
            pressure: Vec::new(),
            counts_pages: self.counts_pages,
            counts_throttles: self.counts_throttles,
        })
    }

    /// Folds rows into the row of released memcgs, to free space in the table.
    fn make_room(
        &mut self,
        memcgs: &Memcgs,
        sums: &mut Vec<(ReclaimKey, ReclaimCount)>,
        times: &mut Vec<(ReclaimKey, Histogram)>,
    ) {
        let (rows, most) = (sums.len(), self.most_rows);
        let gives_way = |key: &ReclaimKey| room::gives_way(memcgs, key.memcg_serial_nr, rows, most);
        let of_gone = |key: &ReclaimKey| ReclaimKey {
            memcg_serial_nr: GONE,
            // Such a limit is mostly that of the memcg itself.
            limit_serial_nr: match memcgs.is_gone(key.limit_serial_nr) {
                true => GONE,
                false => key.limit_serial_nr,
            },
            ..*key
        };
        for (key, sum) in sums.iter().filter(|(key, _)| gives_way(key)) {
            let _ = self.counts.remove(&MapValue(*key));
            let (all, _) = self.folded.entry(of_gone(key)).or_default();
            *all = add(*all, &MapValue(since(sum, self.first_counts.of(key))));
            self.first_counts.forget(key);
        }
        for (key, times) in times.iter().filter(|(key, _)| gives_way(key)) {
            let _ = self.times.remove(&MapValue(*key));
            if key.is_kthread == 0 {
                let (_, durations) = self.folded.entry(of_gone(key)).or_default();
                durations.add(times);
                if let Some(first) = self.first_times.of(key) {
                    durations.subtract(first);
                }
            }
            self.first_times.forget(key);
        }
        sums.retain(|(key, _)| !gives_way(key));
        times.retain(|(key, _)| !gives_way(key));
    }

    /// The key in samples; `None` for a sleep that is not due to memory.high.
    fn key(&self, key: &ReclaimKey) -> Option<Key> {
        let cause = self.causes.of(key.kind, key.caller);
        let is_ours = key.kind != kind::THROTTLE || cause == Cause::High;
        is_ours.then_some((key.memcg_serial_nr, cause, key.limit_serial_nr))
    }

    fn worst_tasks(&mut self) -> anyhow::Result<Vec<reclaim::StalledTask>> {
        let tasks = dump::all(&self.tasks).context("read which tasks waited for reclaim")?;
        let tasks: Vec<_> = tasks
            .into_iter()
            .map(|(MapValue(key), task)| (key, task))
            .collect();
        self.first_tasks.begin(&tasks);
        let since_first = tasks.into_iter().map(|(key, now)| {
            let first = self.first_tasks.of(&key);
            // Another task may have got the same number.
            let first = first.filter(|first| first.start_ns == now.start_ns);
            (key, stalled_since(now, first))
        });
        let mut tasks: Vec<_> = since_first.filter(|(_, now)| now.stalls > 0).collect();
        tasks.sort_by_key(|(key, stalled)| (Reverse(stalled.stall_ns), key.task));
        tasks.truncate(TASKS);
        let half =
            |task: u64, shift: u32| u32::try_from((task >> shift) & 0xffff_ffff).unwrap_or(0);
        Ok(tasks
            .into_iter()
            .map(|(key, stalled)| reclaim::StalledTask {
                pid: half(key.task, 32),
                tid: half(key.task, 0),
                comm: Text::from_c(&stalled.comm),
                memcg_serial_nr: room::known(key.memcg_serial_nr),
                stalls_total: stalled.stalls,
                stall_ns_total: stalled.stall_ns,
                max_ns: stalled.max_ns,
            })
            .collect())
    }
}
