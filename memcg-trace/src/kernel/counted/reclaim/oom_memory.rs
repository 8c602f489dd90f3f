//! The memory of a memcg at an OOM kill: the kernel's words as figures, and the files of its shmem.

use std::fs;
use std::time::{Duration, Instant};

use memcg_trace_common::reclaim::{OOM_ABSENT, OomLevel as Level, OomMemory as Memory};

use super::oom::Killed;
use super::shmem_files;
use crate::kernel::debugger::css;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::host::clock::now_ns;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::kernel::layout::memcg_counters;
use crate::sample::oom::{Composition, OomLevel, OomMemory, ShmemFiles};
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
    pub(super) fn complete(&mut self, killed: Vec<Killed>, reader: &Reader<'_>) -> Vec<OomKill> {
        let mut kills: Vec<OomKill> = Vec::with_capacity(killed.len());
        // The victim's limit may lead to several kills, of which the last is explained best.
        for Killed { mut kill, memory } in killed.into_iter().rev() {
            kill.memory = memory.map(|raw| {
                let mut memory = of(&raw, reader);
                memory.files = self.files(&memory, &raw, reader);
                Box::new(memory)
            });
            kills.push(kill);
        }
        kills.reverse();
        kills
    }

    /// The files of its shmem, or why nobody looked for them; `None` where that is a small part.
    fn files(
        &mut self,
        memory: &OomMemory,
        raw: &Memory,
        reader: &Reader<'_>,
    ) -> Option<ShmemFiles> {
        let shmem = memory.composition.shmem_bytes.unwrap_or(0);
        let usage = memory.levels.first().and_then(|level| level.usage_bytes);
        if shmem <= usage.unwrap_or(0) / SHMEM_PART {
            return None;
        }
        let not_checked = |why: &str| ShmemFiles {
            not_checked: vec![why.to_owned()],
            end_ns: now_ns(),
            ..ShmemFiles::default()
        };
        let is_due = self
            .searched
            .is_none_or(|at| at.elapsed() > BETWEEN_SEARCHES);
        if !is_due {
            return Some(not_checked(
                "all files: those of another kill were looked for within the last second",
            ));
        }
        // It may have been released since, and its address used anew.
        let serial_nr = reader.word(raw.limit, Field::CssSerialNr).ok();
        if serial_nr != Some(raw.limit_serial_nr) {
            return Some(not_checked("all files: the memory cgroup is gone"));
        }
        self.searched = Some(Instant::now());
        Some(shmem_files::find(reader, raw.limit, SEARCH))
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
