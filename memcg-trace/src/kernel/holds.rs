//! What was seen to be taken: percpu-rwsems, memory that goes offline, pages of core dumps.

use anyhow::Context as _;
use aya::Ebpf;
use aya::maps::{HashMap as KernelMap, MapData};
use memcg_trace_common::hold::{Dump, DumpHelper, Hold, HoldKey, Offline};
use memcg_trace_common::lock::flags;

use super::attach::take_map;
use super::rows::all;
use super::waits::Traced;
use super::wire::Wire;
use crate::sample::Mode;

type Map<K, V> = KernelMap<MapData, K, Wire<V>>;

/// Reads holds.
pub(super) struct Holds {
    holds: Map<Wire<HoldKey>, Hold>,
    offlines: Map<u64, Offline>,
    dumps: Map<u64, Dump>,
    dump_helpers: Map<u64, DumpHelper>,
}

impl Holds {
    pub(super) fn open(ebpf: &mut Ebpf) -> anyhow::Result<Self> {
        Ok(Self {
            holds: take_map(ebpf, "HOLDS")?,
            offlines: take_map(ebpf, "OFFLINES")?,
            dumps: take_map(ebpf, "DUMPS")?,
            dump_helpers: take_map(ebpf, "DUMP_HELPERS")?,
        })
    }

    /// Who asked for a lock in some mode and has not let go of it.
    pub(super) fn of(&self, lock: u64, mode: Mode) -> anyhow::Result<Vec<(HoldKey, Hold)>> {
        let wanted = match mode {
            Mode::Read => flags::READ,
            Mode::Write => flags::WRITE,
        };
        let holds = all(&self.holds).context("read who holds locks")?;
        let holds = holds.into_iter().map(|(Wire(key), hold)| (key, hold));
        let of_lock =
            holds.filter(|(key, hold)| key.lock == lock && hold.flags & u64::from(wanted) != 0);
        Ok(of_lock.collect())
    }

    /// Adds what is there now.
    pub(super) fn add_to(&self, traced: &mut Traced) -> anyhow::Result<()> {
        let holds = all(&self.holds).context("read who holds percpu-rwsems")?;
        traced.holds = holds
            .into_iter()
            .map(|(Wire(key), one)| (key, one))
            .collect();
        let offlines = all(&self.offlines).context("read who takes memory away")?;
        traced.offlines = offlines.into_iter().collect();
        let dumps = all(&self.dumps).context("read who dumps core")?;
        traced.dumps = dumps.into_iter().collect();
        let helpers = all(&self.dump_helpers).context("read who reads cores")?;
        traced.dump_helpers = helpers.into_iter().collect();
        Ok(())
    }
}
