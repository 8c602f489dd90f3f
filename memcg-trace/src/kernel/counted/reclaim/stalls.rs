//! Stalls in progress: tasks that are in reclaim, or asleep over `memory.high`.

use std::collections::HashMap;

use anyhow::Context as _;
use aya::Ebpf;
use aya::maps::{HashMap as KernelMap, MapData};
use memcg_trace_common::reclaim::{Reclaimer, kind};

use crate::kernel::counted::causes::Causes;
use crate::kernel::counted::room;
use crate::kernel::counted::spans::{Claim, Place, Spans, TaskNow};
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::tasks;
use crate::kernel::host::symbols::Symbols;
use crate::kernel::maps::dump;
use crate::kernel::maps::take_map;
use crate::kernel::maps::value::MapValue;
use crate::sample::reclaim::{Cause, Stall};

/// The flag of a task in reclaim (`PF_MEMALLOC`, include/linux/sched.h), which keeps it from nested
/// reclaim.
const RECLAIMS: u64 = 0x800;
/// Most stalls in a sample.
const MAX_STALLS: usize = 256;

type Map = KernelMap<MapData, u64, MapValue<Reclaimer>>;

/// The reader of stalls.
pub(crate) struct Stalls {
    reclaimers: Map,
    throttled: Map,
    causes: Causes,
    /// The time since which all hooks are attached.
    trusted_ns: u64,
    spans: Spans,
}

impl Stalls {
    pub(crate) fn open(ebpf: &mut Ebpf, trusted_ns: u64) -> anyhow::Result<Self> {
        Ok(Self {
            reclaimers: take_map(ebpf, "RECLAIMERS")?,
            throttled: take_map(ebpf, "THROTTLED")?,
            causes: Causes::default(),
            trusted_ns,
            spans: Spans::default(),
        })
    }

    /// The number of stalls that ended without an event.
    pub(crate) fn unseen_ends(&self) -> u64 {
        self.spans.unseen_ends()
    }

    /// Stalls that have been in progress for `least_ns` or longer, the longest first.
    pub(crate) fn in_progress(
        &mut self,
        reader: &Reader<'_>,
        symbols: &Symbols,
        now_ns: u64,
        least_ns: u64,
    ) -> anyhow::Result<Vec<Stall>> {
        let noted = self.noted(now_ns.saturating_sub(least_ns))?;
        let callers = noted.values().map(|row| row.caller);
        self.causes.learn(callers, symbols);
        let tasks: Vec<u64> = noted.values().map(|row| row.task).collect();
        let tasks = TaskNow::of(reader, &tasks).context("read the tasks in reclaim")?;
        let mut stalls = Vec::new();
        for ((key, row), now) in noted.into_iter().zip(tasks) {
            let cause = self.causes.of(row.kind, row.caller);
            let place = now.as_ref().map_or(Place::Unknown, |now| place(&row, now));
            let id = (row.task, row.begin_ns);
            let tid = u32::try_from(key & 0xffff_ffff).unwrap_or(0);
            let is_known = self.spans.is_known(id);
            let claim = self
                .spans
                .judge(id, tid, now.as_ref(), place, self.trusted_ns);
            let is_dead = now.is_none_or(|now| now.start_ns > row.begin_ns || now.exit_state != 0);
            match claim {
                Claim::Holds | Claim::Unconfirmed => {
                    let unconfirmed = claim == Claim::Unconfirmed;
                    stalls.extend(stall(reader, &row, cause, unconfirmed));
                }
                // A row is needed only until it is counted. A living task may be in its next stall.
                Claim::Ended if is_known && is_dead => self.forget(key, &row),
                Claim::Doubted | Claim::Ended => {}
            }
        }
        self.spans.end_scan();
        stalls.sort_by_key(|stall| (stall.since_ns, stall.task.tid));
        stalls.truncate(MAX_STALLS);
        Ok(stalls)
    }

    /// Rows that began before some time. Another row may appear twice while a row is deleted.
    fn noted(&self, before_ns: u64) -> anyhow::Result<HashMap<u64, Reclaimer>> {
        let mut noted = HashMap::new();
        let reclaimers = dump::all(&self.reclaimers).context("read the stalls in reclaim")?;
        // A task in reclaim while asleep over memory.high has a stale row of that sleep.
        let throttled = dump::all(&self.throttled).context("read the stalls over memory.high")?;
        for (key, row) in throttled.into_iter().chain(reclaimers) {
            let is_long = row.begin_ns != 0 && row.begin_ns <= before_ns;
            if is_long {
                let latest: &mut Reclaimer = noted.entry(key).or_insert(row);
                if latest.begin_ns < row.begin_ns {
                    *latest = row;
                }
            }
        }
        Ok(noted)
    }

    fn forget(&mut self, key: u64, row: &Reclaimer) {
        let map = match row.kind {
            kind::THROTTLE => &mut self.throttled,
            _ => &mut self.reclaimers,
        };
        // The row may be gone by now.
        let _ = map.remove(&key);
    }
}

/// The place of a task that was seen to begin a stall.
fn place(row: &Reclaimer, now: &TaskNow) -> Place {
    if now.user_ns > row.user_ns {
        return Place::Elsewhere;
    }
    match row.kind {
        // A stall of this kind is a single sleep.
        kind::THROTTLE if now.sleeps.wrapping_sub(row.sleeps) > 1 => Place::Elsewhere,
        kind::THROTTLE if now.sleeps() => Place::There,
        kind::THROTTLE => Place::Unknown,
        _ if now.flags & RECLAIMS != 0 => Place::There,
        _ => Place::Elsewhere,
    }
}

fn stall(reader: &Reader<'_>, row: &Reclaimer, cause: Cause, unconfirmed: bool) -> Option<Stall> {
    let task = tasks::at(reader, row.task, row.begin_ns)?;
    let limit_serial_nr = room::known(row.limit_serial_nr);
    Some(Stall {
        // A kernel thread works for the memcg that is over its limit.
        memcg_serial_nr: match row.is_kthread {
            0 => task.memcg_serial_nr,
            _ => limit_serial_nr.or(task.memcg_serial_nr),
        },
        task,
        cause,
        limit_serial_nr,
        since_ns: row.begin_ns,
        is_throttled: row.kind == kind::THROTTLE,
        unconfirmed,
    })
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros as _;

    use super::*;

    fn row(kind: u32) -> Reclaimer {
        Reclaimer {
            kind,
            user_ns: 100,
            sleeps: 7,
            ..Reclaimer::new_zeroed()
        }
    }

    #[test]
    fn who_reclaims_says_so_itself() {
        let now = TaskNow {
            flags: RECLAIMS,
            user_ns: 100,
            ..TaskNow::default()
        };
        for kind in [kind::MEMCG, kind::DIRECT] {
            assert_eq!(place(&row(kind), &now), Place::There);
            let has_left = TaskNow { flags: 0, ..now };
            assert_eq!(place(&row(kind), &has_left), Place::Elsewhere);
            // The task has been outside the kernel, and is in another stall.
            let again = TaskNow {
                user_ns: 101,
                ..now
            };
            assert_eq!(place(&row(kind), &again), Place::Elsewhere);
        }
    }

    #[test]
    fn a_throttle_is_a_single_sleep() {
        let row = row(kind::THROTTLE);
        let now = TaskNow {
            state: 2,
            user_ns: 100,
            sleeps: 8,
            ..TaskNow::default()
        };
        assert_eq!(place(&row, &now), Place::There);
        let wakes = TaskNow { state: 0, ..now };
        assert_eq!(place(&row, &wakes), Place::Unknown);
        let next = TaskNow { sleeps: 9, ..now };
        assert_eq!(place(&row, &next), Place::Elsewhere);
    }
}
