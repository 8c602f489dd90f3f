//! Tasks that are in reclaim, or asleep over `memory.high`, at the moment.

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
use crate::kernel::hooks::attach::take_map;
use crate::kernel::host::symbols::Symbols;
use crate::kernel::maps::dump;
use crate::kernel::maps::value::Wire;
use crate::sample::reclaim::{Cause, Stall};

/// Who reclaims has it (`PF_MEMALLOC`, include/linux/sched.h), so as not to reclaim within that.
const RECLAIMS: u64 = 0x800;
/// Stalls that a sample has.
const MOST: usize = 256;

type Map = KernelMap<MapData, u64, Wire<Reclaimer>>;

/// Reads them.
pub(crate) struct Stalls {
    reclaimers: Map,
    throttled: Map,
    causes: Causes,
    /// Since when all hooks are on.
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

    /// Stalls that are over though nobody saw them end.
    pub(crate) fn unseen_ends(&self) -> u64 {
        self.spans.unseen_ends()
    }

    /// Those that go on for `going_on_ns` or longer, the longest first.
    pub(crate) fn going_on(
        &mut self,
        reader: &Reader<'_>,
        symbols: &Symbols,
        now_ns: u64,
        going_on_ns: u64,
    ) -> anyhow::Result<Vec<Stall>> {
        let noted = self.noted(now_ns.saturating_sub(going_on_ns))?;
        let callers = noted.values().map(|row| row.caller);
        self.causes.learn(callers, symbols);
        let tasks: Vec<u64> = noted.values().map(|row| row.task).collect();
        let tasks = TaskNow::of(reader, &tasks).context("look at who waits for reclaim")?;
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
                // Once it is counted, it need not be noted any more. Who lives may be in the next.
                Claim::Ended if is_known && is_dead => self.forget(key, &row),
                Claim::Doubted | Claim::Ended => {}
            }
        }
        self.spans.turn();
        stalls.sort_by_key(|stall| (stall.since_ns, stall.task.tid));
        stalls.truncate(MOST);
        Ok(stalls)
    }

    /// Those that began before some time. Somebody else's row may come twice while one is taken out.
    fn noted(&self, before_ns: u64) -> anyhow::Result<HashMap<u64, Reclaimer>> {
        let mut noted = HashMap::new();
        let reclaimers = dump::all(&self.reclaimers).context("read who reclaims")?;
        // In reclaim while asleep over memory.high: the row of that was left behind.
        let throttled = dump::all(&self.throttled).context("read who is over memory.high")?;
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
        // It may be gone by now.
        let _ = map.remove(&key);
    }
}

/// Where a task is that was seen to begin a stall.
fn place(row: &Reclaimer, now: &TaskNow) -> Place {
    if now.user_ns > row.user_ns {
        return Place::Elsewhere;
    }
    match row.kind {
        // It is a single sleep.
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
        // A thread of the kernel works for the memcg that is over its limit.
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
            // It has been outside the kernel, and is in another one.
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
