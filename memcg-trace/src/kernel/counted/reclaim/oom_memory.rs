//! The memory of a memcg at an OOM kill: the kernel's words as figures, and the files of its shmem.

use std::fs;
use std::time::{Duration, Instant};

use memcg_trace_common::reclaim::{OOM_ABSENT, OomLevel as Level, OomMemory as Memory};

use super::oom::Killed;
use super::shmem_files;
use crate::kernel::counted::memcgs::Memcgs;
use crate::kernel::debugger::css;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::memcg_counters;
use crate::sample::oom::{Composition, OomLevel, OomMemory};
use crate::sample::reclaim::OomKill;
use crate::units::PAGE_BYTES;

/// Indexes of counters are below this.
const INDEXES: usize = 256;
/// The part of a memcg that shmem is at least where its files are looked for.
const SHMEM_PART: u64 = 16;
/// The least time between two searches for files, and the most that one takes: kills come in
/// storms.
const BETWEEN_SEARCHES: Duration = Duration::from_secs(1);
const SEARCH: Duration = Duration::from_millis(50);

/// What is kept between kills.
#[derive(Debug, Default)]
pub(super) struct OomMemories {
    searched: Option<Instant>,
}

impl OomMemories {
    /// The kills with the memory of their memcgs.
    pub(super) fn complete(
        &mut self,
        killed: Vec<Killed>,
        memcgs: Option<&Memcgs>,
        reader: &Reader<'_>,
    ) -> Vec<OomKill> {
        // The victim's limit may lead to several kills, of which the last is explained best.
        let mut kills: Vec<OomKill> = Vec::with_capacity(killed.len());
        for Killed { mut kill, memory } in killed {
            kill.memory = memory.map(|memory| Box::new(of(&memory, reader)));
            kills.push(kill);
        }
        for kill in kills.iter_mut().rev() {
            let (Some(memory), Some(limit)) = (&mut kill.memory, kill.limit_serial_nr) else {
                continue;
            };
            let shmem = memory.composition.shmem_bytes.unwrap_or(0);
            let usage = memory.levels.first().and_then(|level| level.usage_bytes);
            let is_due = self
                .searched
                .is_none_or(|at| at.elapsed() > BETWEEN_SEARCHES);
            if is_due
                && shmem > usage.unwrap_or(0) / SHMEM_PART
                && let Some(limit) = memcgs.and_then(|memcgs| memcgs.css(limit))
            {
                self.searched = Some(Instant::now());
                memory.files = Some(shmem_files::find(reader, limit, SEARCH));
            }
        }
        kills
    }
}

fn of(raw: &Memory, reader: &Reader<'_>) -> OomMemory {
    let used = |number: u64, most: usize| usize::try_from(number).unwrap_or(0).min(most);
    let levels = &raw.levels[..used(raw.levels_used, raw.levels.len())];
    // On a chain that is too long for a record, the limit is not among them.
    let at = levels
        .iter()
        .position(|one| one.serial_nr == raw.limit_serial_nr);
    let (below, above) = levels.split_at(at.unwrap_or(levels.len()));
    let swappiness = fs::read_to_string("/proc/sys/vm/swappiness").ok();
    OomMemory {
        time_ns: raw.time_ns,
        composition: composition(raw, reader),
        pending_bytes: bytes(raw.updates),
        swap_total_bytes: bytes(raw.swap_total),
        swap_free_bytes: bytes(raw.swap_free),
        swappiness: swappiness.and_then(|text| text.trim().parse().ok()),
        has_swap_limits: css::is_unified(reader).ok(),
        levels: above.iter().map(level).collect(),
        below: below.iter().rev().map(level).collect(),
        files: None,
    }
}

fn bytes(pages: u64) -> Option<u64> {
    (pages != OOM_ABSENT).then(|| pages.saturating_mul(PAGE_BYTES))
}

fn level(raw: &Level) -> OomLevel {
    OomLevel {
        serial_nr: raw.serial_nr,
        usage_bytes: bytes(raw.usage),
        max_bytes: bytes(raw.max),
        min_bytes: bytes(raw.min),
        swap_bytes: bytes(raw.swap_usage),
        swap_max_bytes: bytes(raw.swap_max),
    }
}

/// The counters by name. Since 6.10 they are packed, and a table has their indexes.
fn composition(raw: &Memory, reader: &Reader<'_>) -> Composition {
    let mut composition = Composition::default();
    let words = usize::try_from(raw.counter_bytes / 8).unwrap_or(0);
    let counters = &raw.counters[..words.min(raw.counters.len())];
    let indexes = &reader.resolved.memcg_counters;
    let entries = indexes
        .iter()
        .flatten()
        .max()
        .map_or(0, |most| *most as usize + 1);
    let table = reader
        .symbol(Symbol::MemCgroupStatsIndex)
        .ok()
        .map(|table| {
            let mut packed = vec![u8::MAX; entries.min(INDEXES)];
            match reader.memory.read(table, &mut packed) {
                Ok(()) => packed,
                Err(_) => Vec::new(),
            }
        });
    for (row, index) in memcg_counters::ROWS.iter().zip(indexes) {
        let index = index.and_then(|index| match &table {
            Some(table) => table.get(index as usize).map(|at| usize::from(*at)),
            None => usize::try_from(index).ok(),
        });
        let count = index.and_then(|index| counters.get(index));
        // A counter that is the sum of per-CPU parts can be a little below zero.
        *(row.place)(&mut composition) =
            count.map(|count| u64::try_from(*count).unwrap_or(0).saturating_mul(row.unit));
    }
    composition
}
