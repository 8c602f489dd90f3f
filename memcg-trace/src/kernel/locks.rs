//! Waits for locks: those that go on, and the sums of those that ended.

use std::collections::{HashMap, HashSet};

use anyhow::Context as _;
use aya::Ebpf;
use aya::maps::{HashMap as KernelMap, MapData, PerCpuHashMap};
use memcg_trace_common::layout::Layout;
use memcg_trace_common::lock::{LockCount, LockKey, RESOLVE_ROWS, Wait, WaiterAsk, flags};
use memcg_trace_common::times::{CLASSES, Times, class_of};

use super::attach::take_map;
use super::lock_details::classes;
use super::resolver::Resolver;
use super::symbols::{Names, Symbols};
use super::waits::Traced;
use super::wire::Wire;
use crate::sample::{
    LockCount as Count, LockTimes, LockWait, Locks, Mode, Resource, ResourceKind, Task, Text,
};

/// The kernel's own text and data, and its modules, lie from here on (x86-64,
/// Documentation/arch/x86/x86_64/mm.rst); what lies below is allocated and has no symbol.
const SYMBOLS_BEGIN: u64 = 0xffff_ffff_8000_0000;

/// Reads waits.
pub(super) struct LockWaits {
    waits: KernelMap<MapData, u32, Wire<Wait>>,
    counts: PerCpuHashMap<MapData, Wire<LockKey>, Wire<LockCount>>,
    times: KernelMap<MapData, u64, Wire<Times>>,
    /// Locks that are listed even if nobody ever waited for them, and their kinds.
    always: Vec<(u64, u32)>,
    /// Says who still waits; none where a hook sees the end of a wait.
    resolver: Option<Resolver<WaiterAsk>>,
    /// Waits that user space found to be over, where no hook sees the end.
    closed: HashMap<LockKey, LockCount>,
    /// How long these were, by lock.
    closed_times: HashMap<u64, [u64; CLASSES]>,
    /// Waits whose task did not stand in line the last time: it spins, or has gone.
    out_of_line: HashSet<WaitId>,
    names: Names,
}

impl LockWaits {
    /// `ends_seen`: whether a hook sees a wait end.
    pub(super) fn open(ebpf: &mut Ebpf, layout: &Layout, ends_seen: bool) -> anyhow::Result<Self> {
        let always = [
            (layout.sym_cgroup_mutex, flags::MUTEX),
            (layout.sym_mem_hotplug_lock, flags::PERCPU),
        ];
        let resolver = if ends_seen {
            None
        } else {
            Some(Resolver::open(ebpf, "resolve_waiters", "WAITER_ASK")?)
        };
        let mut counts: PerCpuHashMap<MapData, Wire<LockKey>, Wire<LockCount>> =
            take_map(ebpf, "LOCKS")?;
        // The row for what no longer fits, see memcg-trace-ebpf/src/lock.rs.
        let cpus = aya::util::nr_cpus().map_err(|(what, error)| {
            anyhow::Error::new(error).context(format!("read the number of CPUs from {what}"))
        })?;
        let none = aya::maps::PerCpuValues::try_from(vec![Wire(LockCount::default()); cpus])
            .context("make the row for all other locks")?;
        counts
            .insert(
                Wire(LockKey {
                    lock: 0,
                    memcg_serial_nr: 0,
                    kind: 0,
                }),
                none,
                0,
            )
            .context("make the row for all other locks")?;
        Ok(Self {
            waits: take_map(ebpf, "WAITS")?,
            counts,
            times: take_map(ebpf, "LOCK_TIMES")?,
            always: always.into_iter().filter(|(lock, _)| *lock != 0).collect(),
            resolver,
            closed: HashMap::new(),
            closed_times: HashMap::new(),
            out_of_line: HashSet::new(),
            names: Names::default(),
        })
    }

    pub(super) fn sample(
        &mut self,
        ebpf: &Ebpf,
        symbols: &Symbols,
        now_ns: u64,
    ) -> anyhow::Result<Locks> {
        let mut waits: Vec<Wait> = self
            .waits
            .iter()
            .map(|entry| entry.map(|(_, Wire(wait))| wait))
            .collect::<Result<_, _>>()
            .context("read the waits")?;
        if self.resolver.is_some() {
            self.close_ended(ebpf, &mut waits)?;
        }
        let mut sums = self.closed.clone();
        for entry in self.counts.iter() {
            let (Wire(key), per_cpu) = entry.context("read the lock counters")?;
            let sum = sums.entry(key).or_default();
            *sum = per_cpu.iter().fold(*sum, |sum, Wire(cpu)| add(sum, *cpu));
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
            .map(|wait| wait.lock)
            .chain(sums.keys().map(|key| key.lock));
        let addresses = addresses.filter(|address| *address >= SYMBOLS_BEGIN);
        self.names.learn(addresses, symbols);
        Ok(Locks {
            as_of_ns: now_ns,
            waits: waits.iter().map(|wait| self.wait(wait)).collect(),
            counts: sums
                .iter()
                .map(|(key, sum)| self.count(key, *sum))
                .collect(),
            times: self.times(sums.keys().map(|key| key.lock).collect()),
            ..Locks::default()
        })
    }

    /// How long the waits for some locks were.
    fn times(&self, locks: HashSet<u64>) -> Vec<LockTimes> {
        let of = |lock: u64| {
            let mut counts = self.closed_times.get(&lock).copied();
            // What there was no room for is not there.
            if let Ok(Wire(times)) = self.times.get(&lock, 0) {
                let sum = counts.get_or_insert([0; CLASSES]);
                sum.iter_mut()
                    .zip(times.counts)
                    .for_each(|(sum, one)| *sum += u64::from(one));
            }
            let classes = classes(&counts?);
            Some(LockTimes {
                addr: lock,
                classes,
            })
        };
        let mut times: Vec<LockTimes> = locks.into_iter().filter_map(of).collect();
        times.sort_by_key(|one| one.addr);
        times
    }

    /// Adds the waits that go on, or did a moment ago.
    pub(super) fn add_to(&self, traced: &mut Traced) -> anyhow::Result<()> {
        let waits = self.waits.iter();
        let waits = waits.map(|entry| entry.map(|(_, Wire(wait))| (wait.task, wait)));
        traced.waits = waits.collect::<Result<_, _>>().context("read the waits")?;
        Ok(())
    }

    /// Takes those out whose task no longer stands in line, and adds them to the sums. A task
    /// that was never seen to be woken may still spin, and joins the line if that fails: it is
    /// given until the next time.
    fn close_ended(&mut self, ebpf: &Ebpf, waits: &mut Vec<Wait>) -> anyhow::Result<()> {
        let Some(resolver) = &mut self.resolver else {
            return Ok(());
        };
        let mut over: HashSet<WaitId> = HashSet::new();
        let mut out_of_line: HashSet<WaitId> = HashSet::new();
        let out_of_line_before = &self.out_of_line;
        let question = |ask: &mut WaiterAsk, some: &[Wait]| {
            ask.rows = some.len() as u64;
            for (row, wait) in ask.row.iter_mut().zip(some) {
                (row.lock, row.task, row.flags) = (wait.lock, wait.task, u64::from(wait.flags));
            }
        };
        resolver.ask(ebpf, waits, RESOLVE_ROWS, question, |answer, some| {
            let rows = answer.row.iter().zip(some);
            for (_, wait) in rows.filter(|(row, _)| row.waits == 0) {
                let id = id_of(wait);
                if wait.released_ns > wait.begin_ns || out_of_line_before.contains(&id) {
                    over.insert(id);
                } else {
                    out_of_line.insert(id);
                }
            }
        })?;
        self.out_of_line = out_of_line;
        for wait in waits.iter().filter(|wait| over.contains(&id_of(wait))) {
            // It may have ended, and the task begun another wait, which the kernel then counted:
            // only what is still the same is ours to close.
            let Ok(Wire(now)) = self.waits.get(&wait.tid, 0) else {
                continue;
            };
            if now.begin_ns != wait.begin_ns || self.waits.remove(&wait.tid).is_err() {
                continue;
            }
            let sum = self.closed.entry(key_of(&now)).or_default();
            let measured = now
                .released_ns
                .checked_sub(now.begin_ns)
                .filter(|_| now.released_ns > 0);
            if let Some(measured) = measured {
                let times = self.closed_times.entry(now.lock);
                times.or_insert([0; CLASSES])[class_of(measured)] += 1;
            }
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
        waits.retain(|wait| !over.contains(&id_of(wait)));
        Ok(())
    }

    fn wait(&self, wait: &Wait) -> LockWait {
        let memcg_serial_nr = (wait.memcg_serial_nr != 0).then_some(wait.memcg_serial_nr);
        let owner = (wait.owner_tid != 0).then(|| Task {
            tid: wait.owner_tid,
            comm: Text::from_c(&wait.owner_comm),
            ..Task::default()
        });
        LockWait {
            task: Task {
                pid: Some(wait.pid),
                tid: wait.tid,
                comm: Text::from_c(&wait.comm),
                start_ns: Some(wait.start_ns),
                memcg_serial_nr,
            },
            resource: self.resource(wait.lock, wait.flags),
            mode: if wait.flags & flags::READ != 0 {
                Mode::Read
            } else {
                Mode::Write
            },
            since_ns: wait.begin_ns,
            owner,
        }
    }

    fn count(&self, key: &LockKey, sum: LockCount) -> Count {
        let kind = u32::try_from(key.kind).unwrap_or(0);
        Count {
            resource: self.resource(key.lock, kind),
            memcg_serial_nr: (key.memcg_serial_nr != 0).then_some(key.memcg_serial_nr),
            waits_total: sum.waits,
            wait_ns_total: sum.wait_ns,
            max_ns: sum.max_ns,
            unmeasured_total: sum.unmeasured,
        }
    }

    fn resource(&self, lock: u64, of: u32) -> Resource {
        let kind = match of {
            _ if lock == 0 => ResourceKind::Unknown,
            of if of & flags::MUTEX != 0 => ResourceKind::Mutex,
            of if of & flags::PERCPU != 0 => ResourceKind::PercpuRwsem,
            of if of & flags::RWSEM != 0 => ResourceKind::Rwsem,
            of if of & flags::RT != 0 => ResourceKind::RtMutex,
            _ => ResourceKind::Semaphore,
        };
        Resource {
            kind,
            name: self.names.get(lock).map(str::to_owned),
            addr: lock,
        }
    }
}

/// A thread, and when it began to wait.
type WaitId = (u32, u64);

fn id_of(wait: &Wait) -> WaitId {
    (wait.tid, wait.begin_ns)
}

fn key_of(wait: &Wait) -> LockKey {
    let kind = flags::PERCPU | flags::MUTEX | flags::RT | flags::RWSEM;
    LockKey {
        lock: wait.lock,
        memcg_serial_nr: wait.memcg_serial_nr,
        kind: u64::from(wait.flags & kind),
    }
}

fn add(sum: LockCount, one: LockCount) -> LockCount {
    LockCount {
        waits: sum.waits + one.waits,
        wait_ns: sum.wait_ns + one.wait_ns,
        max_ns: sum.max_ns.max(one.max_ns),
        unmeasured: sum.unmeasured + one.unmeasured,
    }
}
