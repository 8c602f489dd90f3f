//! Holders of locks: stacks of tasks that keep others waiting, and traced holds.

use std::collections::HashMap;

use anyhow::Context as _;
use aya::Ebpf;
use aya::maps::{HashMap as KernelMap, MapData, PerCpuArray, StackTraceMap};
use memcg_trace_common::histogram::BUCKETS;
use memcg_trace_common::hold::{Held, HeldCount, Hold, ReleaseKey};
use memcg_trace_common::layout::Layout;
use memcg_trace_common::lock::Wait;

use crate::kernel::counted::locks::holds::Holds;
use crate::kernel::counted::locks::queues::Queues;
use crate::kernel::counted::spans::{Claim, Place, Spans, TaskNow};
use crate::kernel::debugger::percpu_rwsem;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::tasks;
use crate::kernel::host::symbols::Symbols;
use crate::kernel::layout::fields::Field;
use crate::kernel::maps::histogram::buckets;
use crate::kernel::maps::take_map;
use crate::kernel::maps::value::{MapValue, SingleValueMap};
use crate::sample::{LockHold, LockHolder, LockRelease, Locks, Mode};

/// Most stacks of one lock in a sample.
const STACKS: usize = 8;
/// Functions of locks themselves, and those through which programs are called. The call site is the
/// first function above them (kernel/locking, kernel/trace/bpf_trace.c).
const OF_LOCKS: &[&str] = &[
    "__mutex_unlock_slowpath",
    "mutex_unlock",
    "rwsem_wake",
    "rwsem_mark_wake",
    "up_read",
    "up_write",
    "up",
    "__percpu_up_read",
    "percpu_up_write",
    "percpu_down_write",
    "mutex_lock",
    "mutex_lock_killable",
    "mutex_lock_interruptible",
    "mutex_trylock",
];

/// The reader of stacks and holds.
pub(crate) struct LockDetails {
    releases: KernelMap<MapData, MapValue<ReleaseKey>, u64>,
    stacks: StackTraceMap<MapData>,
    held: PerCpuArray<MapData, MapValue<HeldCount>>,
    cgroup_mutex_free: SingleValueMap<u64>,
    /// Whether releases of contended locks are traced.
    sees_releases: bool,
    /// Whether all holds of `cgroup_mutex` are traced.
    sees_acquisitions: bool,
    cgroup_mutex: u64,
    mem_hotplug_lock: u64,
    /// Functions of each stack number, with names as of one reading of the symbols.
    known: HashMap<u64, Vec<String>>,
    reading: u32,
    /// The time since which all hooks are attached.
    trusted_ns: u64,
    /// Holds of `mem_hotplug_lock`.
    spans: Spans,
}

impl LockDetails {
    pub(crate) fn open(
        ebpf: &mut Ebpf,
        layout: &Layout,
        sees_releases: bool,
        sees_acquisitions: bool,
        trusted_ns: u64,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            releases: take_map(ebpf, "RELEASES")?,
            stacks: take_map(ebpf, "LOCK_STACKS")?,
            held: take_map(ebpf, "HELD")?,
            cgroup_mutex_free: take_map(ebpf, "CGROUP_MUTEX_FREE")?,
            sees_releases,
            sees_acquisitions,
            cgroup_mutex: layout.sym_cgroup_mutex,
            mem_hotplug_lock: layout.sym_mem_hotplug_lock,
            known: HashMap::new(),
            reading: 0,
            trusted_ns,
            spans: Spans::default(),
        })
    }

    /// The number of holds that ended without an event.
    pub(crate) fn unseen_ends(&self) -> u64 {
        self.spans.unseen_ends()
    }

    /// Adds holders and stacks to the sums of waits.
    pub(crate) fn add_to(
        &mut self,
        locks: &mut Locks,
        holds: Option<&Holds>,
        reader: &Reader<'_>,
        symbols: &Symbols,
    ) -> anyhow::Result<()> {
        if self.reading != symbols.reading {
            self.reading = symbols.reading;
            self.known.clear();
        }
        if self.sees_releases {
            locks.releases = Some(self.releases(symbols)?);
        }
        for held in Held::ALL {
            if let Some(holds) = holds
                && let Some(hold) = self.hold(held, locks, holds, reader, symbols)?
            {
                locks.holds.push(hold);
            }
        }
        self.spans.end_scan();
        Ok(())
    }

    fn releases(&mut self, symbols: &Symbols) -> anyhow::Result<Vec<LockRelease>> {
        let seen: Vec<(ReleaseKey, u64)> = self
            .releases
            .iter()
            .map(|entry| entry.map(|(MapValue(key), count)| (key, count)))
            .collect::<Result<_, _>>()
            .context("read the releases of locks")?;
        let mut sums: HashMap<(u64, Vec<String>), u64> = HashMap::new();
        for (key, count) in seen {
            let stack = self.stack(key.stack, symbols)?;
            *sums.entry((key.lock, stack)).or_default() += count;
        }
        let mut releases: Vec<LockRelease> = sums
            .into_iter()
            .map(|((addr, stack), seen_total)| LockRelease {
                addr,
                stack,
                seen_total,
            })
            .collect();
        releases.sort_by(|a, b| {
            (a.addr, b.seen_total, &a.stack).cmp(&(b.addr, a.seen_total, &b.stack))
        });
        let mut before = (0, 0);
        releases.retain(|one| {
            let number = if one.addr == before.0 {
                before.1 + 1
            } else {
                1
            };
            before = (one.addr, number);
            number <= STACKS
        });
        Ok(releases)
    }

    /// How a lock was held; `None` if its holds are not traced.
    fn hold(
        &mut self,
        held: Held,
        locks: &Locks,
        holds: &Holds,
        reader: &Reader<'_>,
        symbols: &Symbols,
    ) -> anyhow::Result<Option<LockHold>> {
        let (addr, mode) = match held {
            Held::CgroupMutex if !self.sees_acquisitions => return Ok(None),
            Held::CgroupMutex => (self.cgroup_mutex, Mode::Write),
            Held::HotplugWrite => (self.mem_hotplug_lock, Mode::Write),
            Held::HotplugRead => (self.mem_hotplug_lock, Mode::Read),
        };
        if addr == 0 {
            return Ok(None);
        }
        let per_cpu = self.held.get(&(held as u32), 0);
        let per_cpu = per_cpu.context("read how locks are held")?;
        let mut times = [0; BUCKETS];
        let mut hold = LockHold {
            addr,
            mode,
            ..LockHold::default()
        };
        for MapValue(one) in per_cpu.iter() {
            hold.holds_total += one.holds;
            hold.hold_ns_total += one.hold_ns;
            hold.max_ns = hold.max_ns.max(one.max_ns);
            times
                .iter_mut()
                .zip(one.times.counts)
                .for_each(|(sum, one)| *sum += u64::from(one));
        }
        hold.classes = buckets(&times);
        let free_ns = match held {
            Held::CgroupMutex => {
                let free_ns = self.cgroup_mutex_free.get(&0, 0);
                free_ns.context("read when cgroup_mutex was free")?.0
            }
            Held::HotplugWrite | Held::HotplugRead => 0,
        };
        let waits = |one: &Hold| {
            let mut waits = locks.waits.iter();
            waits.any(|wait| wait.task.tid == one.tid && wait.resource.addr == addr)
        };
        let mut noted = holds.of(addr, mode)?;
        noted.retain(|one| !waits(one));
        for (one, is_sure) in self.confirmed(held, addr, noted, reader)? {
            if let Some(task) = tasks::at(reader, one.task, one.asked_ns) {
                hold.holders.push(LockHolder {
                    task,
                    since_ns: one.since_ns.max(free_ns),
                    stack: self.stack(one.stack, symbols)?,
                    unconfirmed: !is_sure,
                });
            }
        }
        hold.holders.sort_by_key(|one| (one.since_ns, one.task.tid));
        Ok(Some(hold))
    }

    /// The tasks that may hold a lock, of those that asked for it and were not seen to release it,
    /// and whether they are certain: the words of the lock say how many holders there are.
    fn confirmed(
        &mut self,
        held: Held,
        addr: u64,
        mut noted: Vec<Hold>,
        reader: &Reader<'_>,
    ) -> anyhow::Result<Vec<(Hold, bool)>> {
        let holders = match held {
            // A task that only tried may have failed.
            Held::CgroupMutex => {
                let owner = owner_of(reader, addr);
                let has = noted.into_iter().filter(|one| owner == Some(one.task));
                return Ok(has.map(|one| (one, true)).collect());
            }
            Held::HotplugWrite => percpu_rwsem::writers(reader, addr),
            Held::HotplugRead => percpu_rwsem::most_readers(reader, addr),
        };
        // Waiters are not visible on every kernel: a queued task does not hold the lock yet.
        let mut queues = Queues::default();
        noted.retain(|one| queues.is_queued(reader, &as_wait(one), None) != Some(true));
        // A task that asked may not have reached the lock yet.
        let nobody_has_it = holders == Ok(0);
        let place = match holders {
            Ok(holders) if !nobody_has_it && holders >= noted.len() as u64 => Place::There,
            _ => Place::Unknown,
        };
        let tasks: Vec<u64> = noted.iter().map(|one| one.task).collect();
        let now = TaskNow::of(reader, &tasks).context("read the tasks that hold locks")?;
        let mut confirmed = Vec::with_capacity(noted.len());
        for (one, now) in noted.into_iter().zip(now) {
            let id = (one.task, one.asked_ns);
            let place = match now {
                Some(now) if now.user_ns > one.user_ns => Place::Elsewhere,
                _ => place,
            };
            let trusted_ns = self.trusted_ns;
            let claim = self
                .spans
                .judge(id, one.tid, now.as_ref(), place, trusted_ns);
            match claim {
                _ if nobody_has_it => {}
                Claim::Holds => confirmed.push((one, true)),
                Claim::Unconfirmed => confirmed.push((one, false)),
                Claim::Doubted | Claim::Ended => {}
            }
        }
        Ok(confirmed)
    }

    /// The functions of a stack above those of the lock itself.
    fn stack(&mut self, number: u64, symbols: &Symbols) -> anyhow::Result<Vec<String>> {
        /// Frames among which those of the lock are.
        const FIRST: usize = 8;
        if let Some(known) = self.known.get(&number) {
            return Ok(known.clone());
        }
        let id = u32::try_from(number).ok();
        let Some(stack) = id.and_then(|id| self.stacks.get(&id, 0).ok()) else {
            return Ok(Vec::new());
        };
        let frames = stack.frames().iter();
        let mut functions: Vec<String> = frames
            .map(|frame| symbols.function_at(frame.ip).unwrap_or("?").to_owned())
            .collect();
        let mut first = functions.iter().take(FIRST);
        let of_lock = first.rposition(|function| OF_LOCKS.contains(&function.as_str()));
        functions.drain(..of_lock.map_or(0, |at| at + 1));
        self.known.insert(number, functions.clone());
        Ok(functions)
    }
}

/// A hold in the form of a wait, for the task that asked for the lock.
fn as_wait(hold: &Hold) -> Wait {
    Wait {
        lock: hold.lock,
        begin_ns: hold.asked_ns,
        released_ns: 0,
        task: hold.task,
        tid: hold.tid,
        flags: hold.flags,
    }
}

/// The address of the task that owns a mutex.
fn owner_of(reader: &Reader<'_>, mutex: u64) -> Option<u64> {
    /// Flags in the low bits (kernel/locking/mutex.h).
    const FLAGS: u64 = 7;
    let word = reader.word(mutex, Field::MutexOwner).ok()?;
    Some(word & !FLAGS)
}
