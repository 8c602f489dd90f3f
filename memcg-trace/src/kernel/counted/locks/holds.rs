//! Holds that events recorded: percpu-rwsems, memory blocks being offlined, pages of core dumps.

use anyhow::Context as _;
use aya::Ebpf;
use aya::maps::{Array, HashMap as KernelMap, MapData};
use memcg_trace_common::hold::{Dump, DumpHelper, HOLD_GROUPS, Hold, HoldGroup, Offline};
use memcg_trace_common::lock::flags;

use crate::kernel::maps::dump::all;
use crate::kernel::maps::take_map;
use crate::kernel::maps::value::MapValue;
use crate::kernel::waits::Events;
use crate::sample::Mode;

type Map<K, V> = KernelMap<MapData, K, MapValue<V>>;

/// The reader of holds.
pub(crate) struct Holds {
    holds: Array<MapData, MapValue<HoldGroup>>,
    offlines: Map<u64, Offline>,
    dumps: Map<u64, Dump>,
    dump_helpers: Map<u64, DumpHelper>,
}

impl Holds {
    pub(crate) fn open(ebpf: &mut Ebpf) -> anyhow::Result<Self> {
        Ok(Self {
            holds: take_map(ebpf, "HOLDS")?,
            offlines: take_map(ebpf, "OFFLINES")?,
            dumps: take_map(ebpf, "DUMPS")?,
            dump_helpers: take_map(ebpf, "DUMP_HELPERS")?,
        })
    }

    /// The tasks that asked for a lock in some mode and have not released it.
    pub(crate) fn of(&self, lock: u64, mode: Mode) -> anyhow::Result<Vec<Hold>> {
        let wanted = match mode {
            Mode::Read => flags::READ,
            Mode::Write => flags::WRITE,
        };
        let mut holds = self.noted()?;
        holds.retain(|hold| hold.lock == lock && hold.flags & wanted != 0);
        Ok(holds)
    }

    fn noted(&self) -> anyhow::Result<Vec<Hold>> {
        let mut noted = Vec::new();
        for group in 0..HOLD_GROUPS {
            let MapValue(found) = self.holds.get(&group, 0).context("read holds of locks")?;
            noted.extend(found.slots.into_iter().filter(|hold| hold.lock != 0));
        }
        Ok(noted)
    }

    /// Adds the holds of this moment.
    pub(crate) fn add_to(&self, events: &mut Events) -> anyhow::Result<()> {
        events.holds = self.noted()?;
        let offlines = all(&self.offlines).context("read the memory blocks being offlined")?;
        events.offlines = offlines.into_iter().collect();
        let dumps = all(&self.dumps).context("read the tasks that dump core")?;
        events.dumps = dumps.into_iter().collect();
        let helpers = all(&self.dump_helpers).context("read the helpers of core dumps")?;
        events.dump_helpers = helpers.into_iter().collect();
        Ok(())
    }
}
