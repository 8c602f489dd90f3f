//! OOM kills.

use aya::Ebpf;
use aya::maps::{MapData, RingBuf};
use memcg_trace_common::reclaim::OomRecord;
use zerocopy::FromBytes as _;

use crate::kernel::maps::take_map;
use crate::sample::Text;
use crate::sample::reclaim::OomKill;

/// The reader of kills.
pub(crate) struct OomKills {
    ring: RingBuf<MapData>,
    kills: Vec<OomKill>,
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

    /// All kills since the last sample.
    pub(crate) fn take(&mut self) -> Vec<OomKill> {
        self.drain();
        std::mem::take(&mut self.kills)
    }

    /// Takes all events from the kernel's buffer.
    pub(crate) fn drain(&mut self) {
        while let Some(item) = self.ring.next() {
            if let Ok((record, _)) = OomRecord::read_from_prefix(&item) {
                let told = kill(&record);
                match &self.chosen {
                    _ if record.is_of_group == 0 => {
                        self.chosen = Some(told.clone());
                        self.kills.push(told);
                    }
                    // The victim is a member of its group, too.
                    Some(chosen) if chosen.victim_pid == told.victim_pid => {}
                    Some(chosen) => self.kills.push(OomKill {
                        limit_serial_nr: chosen.limit_serial_nr,
                        chosen_pid: Some(chosen.victim_pid),
                        points: None,
                        ..told
                    }),
                    // The OOM began before the hooks were attached, or its event was lost.
                    None => self.kills.push(OomKill {
                        points: None,
                        ..told
                    }),
                }
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
    }
}
