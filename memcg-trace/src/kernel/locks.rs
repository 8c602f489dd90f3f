//! Waits for locks: those that go on, and the sums of those that ended.

use std::collections::{HashMap, HashSet};

use anyhow::Context as _;
use aya::Ebpf;
use aya::maps::{HashMap as KernelMap, MapData, PerCpuHashMap};
use memcg_trace_common::layout::Layout;
use memcg_trace_common::lock::{
    ASK_LINE, ASK_WHO, LockCount, LockKey, WAITER_OUT_OF_LINE, Wait, WaiterRow, flags,
};
use memcg_trace_common::times::{CLASSES, Times, class_of};

use super::attach::take_map;
use super::lock_details::classes;
use super::symbols::{Names, Symbols};
use super::wait_slots::WaitSlots;
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
    waits: WaitSlots,
    counts: PerCpuHashMap<MapData, Wire<LockKey>, Wire<LockCount>>,
    times: KernelMap<MapData, u64, Wire<Times>>,
    /// Locks that are listed even if nobody ever waited for them, and their kinds.
    always: Vec<(u64, u32)>,
    /// Whether a hook sees the end of a wait.
    ends_seen: bool,
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
            waits: WaitSlots::open(ebpf)?,
            counts,
            times: take_map(ebpf, "LOCK_TIMES")?,
            always: always.into_iter().filter(|(lock, _)| *lock != 0).collect(),
            ends_seen,
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
        let waits = self.waits.all()?;
        let waits = if self.ends_seen {
            self.waits.ask(ebpf, &waits, ASK_WHO)?
        } else {
            let waits = self.waits.ask(ebpf, &waits, ASK_LINE)?;
            self.close_ended(ebpf, waits)?
        };
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
            .map(|row| row.wait.lock)
            .chain(sums.keys().map(|key| key.lock));
        let addresses = addresses.filter(|address| *address >= SYMBOLS_BEGIN);
        self.names.learn(addresses, symbols);
        Ok(Locks {
            as_of_ns: now_ns,
            waits: waits.iter().map(|row| self.wait(row)).collect(),
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
        let waits = self.waits.all()?.into_iter();
        traced.waits = waits.map(|(_, wait)| (wait.task, wait)).collect();
        Ok(())
    }

    /// Takes those out whose task no longer stands in line, and adds them to the sums. A task
    /// that was never seen to be woken may still spin, and joins the line if that fails: it is
    /// given until the next time.
    fn close_ended(
        &mut self,
        ebpf: &Ebpf,
        waits: Vec<WaiterRow>,
    ) -> anyhow::Result<Vec<WaiterRow>> {
        let out_of_line = |row: &WaiterRow| row.state == WAITER_OUT_OF_LINE;
        let is_over = |row: &WaiterRow| {
            let seen_before = self.out_of_line.contains(&id_of(&row.wait));
            out_of_line(row) && (row.wait.released_ns > row.wait.begin_ns || seen_before)
        };
        let (over, waits): (Vec<WaiterRow>, Vec<WaiterRow>) = waits.into_iter().partition(is_over);
        let spin = waits.iter().filter(|row| out_of_line(row));
        self.out_of_line = spin.map(|row| id_of(&row.wait)).collect();
        let over: Vec<_> = over.iter().map(|row| (row.slot, row.wait)).collect();
        // It may have ended, and the task begun another wait, which the kernel then counted: only
        // what is still the same is ours to close.
        for row in self.waits.close(ebpf, &over)? {
            let wait = row.wait;
            let measured = wait.released_ns.checked_sub(wait.begin_ns);
            let measured = measured.filter(|_| wait.released_ns > 0);
            if let Some(measured) = measured {
                let times = self.closed_times.entry(wait.lock);
                times.or_insert([0; CLASSES])[class_of(measured)] += 1;
            }
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
        Ok(waits)
    }

    fn wait(&self, row: &WaiterRow) -> LockWait {
        let owner = (row.owner_tid != 0).then(|| Task {
            tid: row.owner_tid,
            comm: Text::from_c(&row.owner_comm),
            ..Task::default()
        });
        LockWait {
            task: Task {
                pid: (row.pid != 0).then_some(row.pid),
                tid: row.wait.tid,
                comm: Text::from_c(&row.comm),
                start_ns: (row.start_ns != 0).then_some(row.start_ns),
                memcg_serial_nr: (row.memcg_serial_nr != 0).then_some(row.memcg_serial_nr),
            },
            resource: self.resource(row.wait.lock, row.wait.flags),
            mode: if row.wait.flags & flags::READ != 0 {
                Mode::Read
            } else {
                Mode::Write
            },
            since_ns: row.wait.begin_ns,
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

fn key_of(row: &WaiterRow) -> LockKey {
    let kind = flags::PERCPU | flags::MUTEX | flags::RT | flags::RWSEM;
    LockKey {
        lock: row.wait.lock,
        memcg_serial_nr: row.memcg_serial_nr,
        kind: u64::from(row.wait.flags & kind),
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
