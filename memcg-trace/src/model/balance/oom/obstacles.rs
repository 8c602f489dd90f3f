//! Why memory was not reclaimed.

use super::parts::{Part, PartKind};
use crate::model::balance::moment::Moment;
use crate::sample::oom::{OomLevel, OomMemory};
use crate::units;

/// Less than this part of the memory is no obstacle to name.
const LEAST_PART: u64 = 20;

/// A reason, and the bytes that it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Obstacle {
    pub(super) bytes: u64,
    pub(super) reason: String,
}

impl Obstacle {
    pub(super) fn text(&self) -> String {
        format!("{} is {}", units::bytes(Some(self.bytes)), self.reason)
    }
}

/// Returns the reasons for which the parts of a memory stayed, in no order.
pub(super) fn of(memory: &OomMemory, parts: &[Part], moment: &Moment<'_>) -> Vec<Obstacle> {
    let mut obstacles = Vec::new();
    let of_kinds = |kinds: &[PartKind]| -> u64 {
        let parts = parts.iter().filter(|part| kinds.contains(&part.kind));
        parts.map(|part| part.bytes).fold(0, u64::saturating_add)
    };
    let mut add = |bytes: u64, reason: String| obstacles.push(Obstacle { bytes, reason });
    let swapped = of_kinds(&[PartKind::Anon, PartKind::Shmem]);
    if swapped > 0 {
        add(swapped, swap(memory, moment));
    }
    let composition = &memory.composition;
    let unevictable = composition.unevictable_bytes.unwrap_or(0);
    add(
        unevictable,
        "unevictable: locked, or of a file system that has no storage".to_owned(),
    );
    let dirty = composition.file_dirty_bytes.unwrap_or(0);
    let writeback = composition.file_writeback_bytes.unwrap_or(0);
    add(
        dirty.saturating_add(writeback),
        "of files that must be written to storage first".to_owned(),
    );
    for part in parts {
        if let Some(reason) = part.kind.obstacle() {
            add(part.bytes, reason.to_owned());
        }
    }
    // The protection of those further below is a part of that.
    if let Some(child) = memory.below.first() {
        let min = child.min_bytes.unwrap_or(0);
        add(
            min.min(child.usage_bytes.unwrap_or(0)),
            format!("protected by memory.min of {}", path(child, moment)),
        );
    }
    let usage = memory.levels.first().and_then(|level| level.usage_bytes);
    let least = (usage.unwrap_or(0) / LEAST_PART).max(1);
    obstacles.retain(|one| one.bytes >= least);
    obstacles
}

/// Why swap took no more.
fn swap(memory: &OomMemory, moment: &Moment<'_>) -> String {
    let only = "memory that only swap could take, and";
    match (memory.swap_total_bytes, memory.swap_free_bytes) {
        (Some(0), _) => return format!("{only} the host has none"),
        (Some(total), Some(0)) => {
            let total = units::bytes(Some(total));
            return format!("{only} the host's {total} are full");
        }
        _ => {}
    }
    if memory.has_swap_limits == Some(true) {
        for level in memory.levels.iter().chain(&memory.below) {
            let (Some(max), Some(used)) = (level.swap_max_bytes, level.swap_bytes) else {
                continue;
            };
            if used >= max {
                let path = path(level, moment);
                let max = units::bytes(Some(max));
                return format!("{only} memory.swap.max of {path}, {max}, is reached");
            }
        }
    }
    match (memory.swappiness, memory.swap_free_bytes) {
        (Some(0), _) => format!("{only} vm.swappiness is 0"),
        (_, None) => "memory that only swap could take, of which nothing is known".to_owned(),
        (_, free) if memory.has_swap_limits == Some(false) => format!(
            "memory that swap could take: {} were free; limits of memory and swap (memory.memsw) are \
             not read",
            units::bytes(free),
        ),
        (_, free) => format!(
            "memory that swap could take: {} were free",
            units::bytes(free)
        ),
    }
}

pub(super) fn path(level: &OomLevel, moment: &Moment<'_>) -> String {
    match moment.tree.id(level.serial_nr) {
        Some(id) => id.shown(),
        None => format!("serial_nr:{}", level.serial_nr),
    }
}
