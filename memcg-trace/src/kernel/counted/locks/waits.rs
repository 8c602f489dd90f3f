//! Waits for locks: those in progress, and the sums of those that ended.

use std::collections::{HashMap, HashSet};

use anyhow::Context as _;
use aya::Ebpf;
use aya::maps::{HashMap as KernelMap, MapData, PerCpuHashMap};
use memcg_trace_common::histogram::{BUCKETS, Histogram, bucket_of};
use memcg_trace_common::layout::Layout;
use memcg_trace_common::lock::{ASK_WHO, LockCount, LockKey, Wait, WaiterRow, flags};

use crate::kernel::counted::locks::queues::Queues;
use crate::kernel::counted::locks::rows::{self, SYMBOLS_BEGIN, add, key_of};
use crate::kernel::counted::locks::wait_slots::WaitSlots;
use crate::kernel::counted::memcgs::Memcgs;
use crate::kernel::counted::room::{self, GONE};
use crate::kernel::counted::spans::{Claim, Place, Spans, TaskNow};
use crate::kernel::debugger::reader::Reader;
use crate::kernel::hooks::map_rows;
use crate::kernel::host::symbols::{Names, Symbols};
use crate::kernel::maps::dump;
use crate::kernel::maps::histogram::buckets;
use crate::kernel::maps::take_map;
use crate::kernel::maps::value::MapValue;
use crate::kernel::waits::Events;
use crate::sample::{LockTimes, Locks};

/// The row for keys that the table has no space for (memcg-trace-ebpf/src/counted/locks/waits.rs).
const OTHERS: LockKey = LockKey {
    lock: 0,
    memcg_serial_nr: 0,
    kind: 0,
};

/// The reader of waits.
pub(crate) struct LockWaits {
    waits: WaitSlots,
    counts: PerCpuHashMap<MapData, MapValue<LockKey>, MapValue<LockCount>>,
    /// The rows that it has room for.
    most_rows: usize,
    times: KernelMap<MapData, u64, MapValue<Histogram>>,
    /// Locks that are listed even without any wait, and their kinds.
    always: Vec<(u64, u32)>,
    /// True if a hook fires at the end of each wait.
    ends_seen: bool,
    /// The time since which all hooks are attached.
    trusted_ns: u64,
    spans: Spans,
    /// Waits that were found to be over without an event, though a hook fires at the end of a wait.
    unseen_ends: u64,
    /// Waits that user space found to be over.
    closed: HashMap<LockKey, LockCount>,
    /// Durations of the waits in `closed`, by lock.
    closed_times: HashMap<u64, [u64; BUCKETS]>,
    /// Waits whose task was not queued at the last sample: the task spins, or has exited.
    not_queued: HashSet<WaitId>,
    /// The number of waits at the last sample, while the table is nearly full.
    before: HashMap<LockKey, u64>,
    names: Names,
}

impl LockWaits {
    /// `ends_seen` says whether a hook fires at the end of a wait, `trusted_ns` since when all
    /// hooks are attached.
    pub(crate) fn open(
        ebpf: &mut Ebpf,
        layout: &Layout,
        ends_seen: bool,
        trusted_ns: u64,
    ) -> anyhow::Result<Self> {
        let always = [
            (layout.sym_cgroup_mutex, flags::MUTEX),
            (layout.sym_mem_hotplug_lock, flags::PERCPU),
        ];
        let mut counts: PerCpuHashMap<MapData, MapValue<LockKey>, MapValue<LockCount>> =
            take_map(ebpf, map_rows::LOCKS.name)?;
        let cpus = aya::util::nr_cpus().map_err(|(what, error)| {
            anyhow::Error::new(error).context(format!("read the number of CPUs from {what}"))
        })?;
        let none = aya::maps::PerCpuValues::try_from(vec![MapValue(LockCount::default()); cpus])
            .context("make the row for all other locks")?;
        counts
            .insert(MapValue(OTHERS), none, 0)
            .context("make the row for all other locks")?;
        Ok(Self {
            waits: WaitSlots::open(ebpf)?,
            counts,
            most_rows: map_rows::LOCKS.rows() as usize,
            times: take_map(ebpf, "LOCK_TIMES")?,
            always: always.into_iter().filter(|(lock, _)| *lock != 0).collect(),
            ends_seen,
            trusted_ns,
            spans: Spans::default(),
            unseen_ends: 0,
            closed: HashMap::new(),
            closed_times: HashMap::new(),
            not_queued: HashSet::new(),
            before: HashMap::new(),
            names: Names::default(),
        })
    }

    /// The number of waits that ended without an event.
    pub(crate) fn unseen_ends(&self) -> u64 {
        self.unseen_ends
    }

    pub(crate) fn sample(
        &mut self,
        reader: &Reader<'_>,
        symbols: &Symbols,
        memcgs: Option<&Memcgs>,
        now_ns: u64,
    ) -> anyhow::Result<Locks> {
        let waits = self.in_progress(reader)?;
        let counted = dump::sums(&self.counts, |sum, MapValue(cpu)| add(sum, *cpu));
        let counted = self.make_room(counted.context("read the lock counters")?, memcgs);
        let mut sums = self.closed.clone();
        for (key, count) in counted {
            let sum = sums.entry(key).or_default();
            *sum = add(*sum, count);
        }
        sums.retain(|_, sum| sum.waits != 0);
        for (lock, kind) in &self.always {
            if !sums.keys().any(|key| key.lock == *lock) {
                let key = LockKey {
                    lock: *lock,
                    memcg_serial_nr: 0,
                    kind: u64::from(*kind),
                };
                sums.insert(key, LockCount::default());
            }
        }
        let addresses = waits
            .iter()
            .map(|(row, _)| row.wait.lock)
            .chain(sums.keys().map(|key| key.lock));
        let addresses = addresses.filter(|address| *address >= SYMBOLS_BEGIN);
        self.names.learn(addresses, symbols);
        Ok(Locks {
            as_of_ns: now_ns,
            waits: waits
                .iter()
                .map(|(row, is_sure)| rows::wait(&self.names, row, *is_sure))
                .collect(),
            counts: sums
                .iter()
                .map(|(key, sum)| rows::count(&self.names, key, *sum))
                .collect(),
            times: self.times(sums.keys().map(|key| key.lock).collect()),
            ..Locks::default()
        })
    }

    /// Folds rows to free space in the table. Rows of released memcgs go to one row for each lock,
    /// once there are many; locks in allocated memory without a wait since the last sample go to
    /// the row for all others, once the table is nearly full.
    fn make_room(
        &mut self,
        counted: Vec<(LockKey, LockCount)>,
        memcgs: Option<&Memcgs>,
    ) -> Vec<(LockKey, LockCount)> {
        let (rows, most) = (counted.len(), self.most_rows);
        let is_full = rows > most / 2;
        let before = std::mem::take(&mut self.before);
        let (mut kept, mut folded) = (Vec::with_capacity(rows), Vec::new());
        for (key, count) in counted {
            let of_gone = |memcgs| room::gives_way(memcgs, key.memcg_serial_nr, rows, most);
            let is_still = || before.get(&key) == Some(&count.waits);
            if key != OTHERS && memcgs.is_some_and(of_gone) {
                let of_gone = LockKey {
                    memcg_serial_nr: GONE,
                    ..key
                };
                folded.push((key, of_gone, count));
            } else if is_full && (1..SYMBOLS_BEGIN).contains(&key.lock) && is_still() {
                folded.push((key, OTHERS, count));
            } else {
                kept.push((key, count));
            }
        }
        for (key, to, count) in folded {
            let _ = self.counts.remove(&MapValue(key));
            let sum = self.closed.entry(to).or_default();
            *sum = add(*sum, count);
        }
        if is_full {
            self.before = kept
                .iter()
                .map(|(key, count)| (*key, count.waits))
                .collect();
        }
        kept
    }

    /// Durations of the waits for some locks.
    fn times(&self, locks: HashSet<u64>) -> Vec<LockTimes> {
        let of = |lock: u64| {
            let mut counts = self.closed_times.get(&lock).copied();
            // A lock that found the table full has no row.
            if let Ok(MapValue(times)) = self.times.get(&lock, 0) {
                let sum = counts.get_or_insert([0; BUCKETS]);
                sum.iter_mut()
                    .zip(times.counts)
                    .for_each(|(sum, one)| *sum += u64::from(one));
            }
            let classes = buckets(&counts?);
            Some(LockTimes {
                addr: lock,
                classes,
            })
        };
        let mut times: Vec<LockTimes> = locks.into_iter().filter_map(of).collect();
        times.sort_by_key(|one| one.addr);
        times
    }

    /// Adds the waits that are in progress, or were a moment ago.
    pub(crate) fn add_to(&self, events: &mut Events) -> anyhow::Result<()> {
        let waits = self.waits.all()?.into_iter();
        events.waits = waits.map(|(_, wait)| (wait.task, wait)).collect();
        Ok(())
    }

    /// Waits that are in progress, and whether that is certain. Those that are over are added to
    /// the sums.
    fn in_progress(&mut self, reader: &Reader<'_>) -> anyhow::Result<Vec<(WaiterRow, bool)>> {
        let ebpf = reader.memory.ebpf();
        let waits = self.waits.all()?;
        let waits = self.waits.ask(ebpf, &waits, ASK_WHO)?;
        let tasks: Vec<u64> = waits.iter().map(|row| row.wait.task).collect();
        let tasks = TaskNow::of(reader, &tasks).context("read the tasks that wait")?;
        let mut queues = Queues::default();
        let (mut waiting, mut over) = (Vec::with_capacity(waits.len()), Vec::new());
        let before = std::mem::take(&mut self.not_queued);
        for (row, now) in waits.into_iter().zip(&tasks) {
            let (wait, now) = (row.wait, now.as_ref());
            let is_queued = queues.is_queued(reader, &wait, now);
            let place = match is_queued {
                Some(true) => Place::There,
                Some(false) if now.is_some_and(TaskNow::sleeps) => Place::Elsewhere,
                _ => Place::Unknown,
            };
            let id = (wait.task, wait.begin_ns);
            let claim = self.spans.judge(id, wait.tid, now, place, self.trusted_ns);
            // Where no hook fires at the end, a task that was never seen to be woken may still
            // spin, and queues itself if that fails: it has until the next sample.
            let left = !self.ends_seen && is_queued == Some(false);
            let is_over = claim == Claim::Ended
                || left && (wait.released_ns > wait.begin_ns || before.contains(&id_of(&wait)));
            if is_over {
                over.push((row.slot, wait));
                continue;
            }
            if left {
                self.not_queued.insert(id_of(&wait));
            }
            match claim {
                Claim::Holds => waiting.push((row, true)),
                Claim::Unconfirmed => waiting.push((row, false)),
                Claim::Doubted | Claim::Ended => {}
            }
        }
        self.spans.end_scan();
        self.close(ebpf, &over)?;
        Ok(waiting)
    }

    /// Adds waits that are over to the sums.
    fn close(&mut self, ebpf: &Ebpf, over: &[(u32, Wait)]) -> anyhow::Result<()> {
        // The wait may have ended and the task begun another one, which the kernel then counted:
        // only an unchanged wait is closed here.
        for row in self.waits.close(ebpf, over)? {
            let wait = row.wait;
            let measured = wait.released_ns.checked_sub(wait.begin_ns);
            let measured = measured.filter(|_| wait.released_ns > 0);
            if let Some(measured) = measured {
                let times = self.closed_times.entry(wait.lock);
                times.or_insert([0; BUCKETS])[bucket_of(measured)] += 1;
            }
            self.unseen_ends += u64::from(self.ends_seen);
            let sum = self.closed.entry(key_of(&row)).or_default();
            *sum = add(
                *sum,
                LockCount {
                    waits: 1,
                    wait_ns: measured.unwrap_or(0),
                    max_ns: measured.unwrap_or(0),
                    unmeasured: u64::from(measured.is_none()),
                },
            );
        }
        Ok(())
    }
}

/// A thread, and the time when its wait began.
type WaitId = (u32, u64);

fn id_of(wait: &Wait) -> WaitId {
    (wait.tid, wait.begin_ns)
}
