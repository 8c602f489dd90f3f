//! Whom the kernel kills for memory.

use aya::Ebpf;
use aya::maps::{MapData, RingBuf};
use memcg_trace_common::reclaim::OomRecord;
use zerocopy::FromBytes as _;

use super::attach::take_map;
use crate::sample::Text;
use crate::sample::reclaim::OomKill;

/// Reads the kills.
pub(super) struct OomKills {
    ring: RingBuf<MapData>,
    kills: Vec<OomKill>,
}

impl OomKills {
    pub(super) fn open(ebpf: &mut Ebpf) -> anyhow::Result<Self> {
        Ok(Self {
            ring: take_map(ebpf, "OOM")?,
            kills: Vec::new(),
        })
    }

    /// All since the last time.
    pub(super) fn take(&mut self) -> Vec<OomKill> {
        self.drain();
        std::mem::take(&mut self.kills)
    }

    /// Takes all that are there out of the kernel's buffer.
    pub(super) fn drain(&mut self) {
        let known = |serial_nr: u64| (serial_nr != 0).then_some(serial_nr);
        while let Some(item) = self.ring.next() {
            if let Ok((record, _)) = OomRecord::read_from_prefix(&item) {
                self.kills.push(OomKill {
                    time_ns: record.time_ns,
                    limit_serial_nr: known(record.limit_serial_nr),
                    victim_serial_nr: known(record.victim_serial_nr),
                    victim_pid: record.victim_pid,
                    victim_comm: Text::from_c(&record.victim_comm),
                    points: record.points,
                    pid: record.pid,
                    comm: Text::from_c(&record.comm),
                });
            }
        }
    }
}
