//! What reclaim can do on this host: whether there is a `memory.reclaim`, and how much memory and
//! swap is free.

use crate::kernel::debugger::css;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::host::symbols::Symbol;

/// Returns whether there is a `memory.reclaim`: newer kernels have it in the unified hierarchy;
/// version 1 has none.
pub(crate) fn can_reclaim(reader: &Reader<'_>) -> Result<bool, Unreadable> {
    if reader.symbol(Symbol::MemoryReclaim).is_err() {
        return Ok(false);
    }
    css::is_unified(reader)
}

/// Swap space of the host that is free.
pub(crate) fn free_swap_bytes() -> u64 {
    room().free_swap
}

/// Bytes of memory and swap.
pub(super) struct Room {
    pub(super) free_swap: u64,
    pub(super) used_swap: u64,
    pub(super) available: Option<u64>,
}

pub(super) fn room() -> Room {
    let info = rustix::system::sysinfo();
    let unit = u64::from(info.mem_unit);
    let used = info.totalswap.saturating_sub(info.freeswap);
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = { meminfo.lines() }.find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Room {
        free_swap: info.freeswap.saturating_mul(unit),
        used_swap: used.saturating_mul(unit),
        available: kib.map(|kib| kib << 10),
    }
}
