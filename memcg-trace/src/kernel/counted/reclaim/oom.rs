//! OOM kills.

use aya::Ebpf;
use aya::maps::{MapData, RingBuf};
use memcg_trace_common::reclaim::{OomMemory, OomRecord, oom_kind};
use zerocopy::FromBytes as _;

use crate::kernel::maps::take_map;
use crate::sample::Text;
use crate::sample::reclaim::OomKill;

/// The time for which a kill waits for what its memcg had: the kernel's report comes in between.
const REPORT_NS: u64 = 2_000_000_000;

/// A kill, and the memory of the memcg whose limit it was.
#[derive(Debug)]
pub(super) struct Killed {
    pub(super) kill: OomKill,
    pub(super) memory: Option<Box<OomMemory>>,
}

/// The reader of kills.
pub(crate) struct OomKills {
    ring: RingBuf<MapData>,
    kills: Vec<Killed>,
    /// The victim that was chosen last. The kernel handles one OOM at a time (mm/oom_kill.c:
    /// oom_lock), so the other members of its group come before the next victim.
    chosen: Option<OomKill>,
}

impl OomKills {
    pub(crate) fn open(ebpf: &mut Ebpf) -> anyhow::Result<Self> {
        Ok(Self {
            ring: take_map(ebpf, "OOM")?,
            kills: Vec::new(),
            chosen: None,
        })
    }

    /// All kills before `counted_ns`, the time of the slab counters of this sample: the caches of a
    /// later one are not known yet. One that the kernel still reports waits, too.
    pub(super) fn take(&mut self, now_ns: u64, counted_ns: Option<u64>) -> Vec<Killed> {
        self.drain();
        let is_later = |one: &Killed| counted_ns.is_some_and(|ns| one.kill.time_ns > ns);
        let is_reported = |one: &Killed| {
            one.memory.is_some()
                || one.kill.chosen_pid.is_some()
                || one.kill.limit_serial_nr.is_none()
                || now_ns.saturating_sub(one.kill.time_ns) >= REPORT_NS
        };
        let last = self.kills.len().saturating_sub(1);
        let mut kills = self.kills.iter().enumerate();
        let waits = kills.position(|(at, one)| is_later(one) || (at == last && !is_reported(one)));
        let ready = waits.unwrap_or(self.kills.len());
        self.kills.drain(..ready).collect()
    }

    /// Takes all events from the kernel's buffer.
    pub(crate) fn drain(&mut self) {
        while let Some(item) = self.ring.next() {
            if let Ok((memory, _)) = OomMemory::read_from_prefix(&item)
                && memory.kind == oom_kind::MEMORY
            {
                // It belongs to the victim that was chosen last.
                let mut newest = self.kills.iter_mut().rev();
                if let Some(killed) = newest.find(|one| one.kill.chosen_pid.is_none()) {
                    killed.memory = Some(Box::new(memory));
                }
            } else if let Ok((record, _)) = OomRecord::read_from_prefix(&item) {
                let kill = kill(&record);
                let kill = match &self.chosen {
                    _ if record.kind == oom_kind::CHOSEN => {
                        self.chosen = Some(kill.clone());
                        kill
                    }
                    // The victim is a member of its group, too.
                    Some(chosen) if chosen.victim_pid == kill.victim_pid => continue,
                    Some(chosen) => OomKill {
                        limit_serial_nr: chosen.limit_serial_nr,
                        chosen_pid: Some(chosen.victim_pid),
                        points: None,
                        ..kill
                    },
                    // The OOM began before the hooks were attached, or its event was lost.
                    None => OomKill {
                        points: None,
                        ..kill
                    },
                };
                self.kills.push(Killed { kill, memory: None });
            }
        }
    }
}

fn kill(record: &OomRecord) -> OomKill {
    let known = |serial_nr: u64| (serial_nr != 0).then_some(serial_nr);
    OomKill {
        time_ns: record.time_ns,
        limit_serial_nr: known(record.limit_serial_nr),
        victim_serial_nr: known(record.victim_serial_nr),
        victim_pid: record.victim_pid,
        victim_comm: Text::from_c(&record.victim_comm),
        chosen_pid: None,
        points: Some(record.points),
        pid: record.pid,
        comm: Text::from_c(&record.comm),
        memory: None,
    }
}
