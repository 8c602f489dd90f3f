//! Bugs that are seen in what pins dead memory cgroups, in their number, and in caches.

use std::collections::BTreeMap;

use crate::model::pins::words::grouped;
use crate::model::snapshot::{Phase, Pins, Snapshot};
use crate::sample::pins::{Object, Pin, PinKind};
use crate::sample::slab_inside::ObjectKind;
use crate::units;

/// Kinds of pins that are pages on LRU lists.
const LRU_PAGES: [PinKind; 4] = [
    PinKind::PageFile,
    PinKind::PageShmem,
    PinKind::PageAnon,
    PinKind::PageAnonShared,
];

/// Negative dentries of one directory that are many: reports of soft lockups have millions.
const MANY_NEGATIVE: u64 = 1_000_000;

/// Ids that memory cgroups can have (mm/memcontrol.c: MEM_CGROUP_ID_MAX).
const ALL_IDS: u64 = 65_535;
/// Ids in use from which on few are left: nine tenths.
const FEW_IDS_LEFT: u64 = ALL_IDS / 10 * 9;

/// The zombies that some pins keep, and the references of those pins.
fn pinned(snapshot: &Snapshot, is_such: impl Fn(&Pin) -> bool) -> Option<(u64, u64)> {
    let of = |pins: &Pins| {
        let such = pins.found.pins.iter().filter(|pin| is_such(pin));
        such.map(|pin| pin.refs).fold(0, u64::saturating_add)
    };
    let ledgers = snapshot.pins.items.iter().filter(|pins| !pins.is_cgroup);
    let refs: Vec<u64> = ledgers.map(of).filter(|refs| *refs > 0).collect();
    let sum = refs.iter().copied().fold(0, u64::saturating_add);
    (!refs.is_empty()).then_some((refs.len() as u64, sum))
}

/// A dead memcg that is offline has pages on its own LRU lists: they did not go to its parent.
pub(super) fn lru_pages_pin(snapshot: &Snapshot) -> Option<String> {
    if let Some((zombies, refs)) = pinned(snapshot, |pin| LRU_PAGES.contains(&pin.kind)) {
        let pages = format!("{} of pages on LRU lists", references(refs));
        return Some(format!("{} {pages}", zombies_have(zombies)));
    }
    let memcgs = snapshot.memcgs.items.iter();
    let dead = memcgs.filter(|memcg| memcg.phase == Some(Phase::Pinned));
    let pages = dead.filter_map(|memcg| memcg.facts.lru_pages);
    let pages: Vec<u64> = pages.filter(|pages| *pages > 0).collect();
    let sum = pages.iter().copied().fold(0, u64::saturating_add);
    (!pages.is_empty()).then(|| {
        let noun = units::noun(sum, "page");
        let zombies = zombies_have(pages.len() as u64);
        format!("{zombies} {} {noun} on LRU lists", grouped(sum))
    })
}

/// Pages of the kernel's own have references to the memcg itself.
pub(super) fn kernel_pages_pin(snapshot: &Snapshot) -> Option<String> {
    let (zombies, refs) = pinned(snapshot, |pin| pin.kind == PinKind::PageKmem)?;
    let pages = format!("{} of pages of the kernel's own", references(refs));
    Some(format!("{} {pages}", zombies_have(zombies)))
}

/// Clean inodes stay with the writeback of a dead memcg.
pub(super) fn writeback_keeps_inodes(snapshot: &Snapshot) -> Option<String> {
    let keeps = |object: &Object| {
        let inodes = object.inodes;
        inodes.is_some_and(|inodes| inodes.clean > 0 && !inodes.are_given_away)
    };
    let is_such = |pin: &Pin| pin.kind == PinKind::Writeback && pin.objects.iter().any(keeps);
    let (zombies, _) = pinned(snapshot, is_such)?;
    let ledgers = snapshot.pins.items.iter();
    let objects = ledgers.flat_map(|pins| pins.found.pins.iter().flat_map(|pin| &pin.objects));
    let clean = objects.filter(|object| keeps(object));
    let clean = clean.filter_map(|object| object.inodes);
    let clean = clean
        .map(|inodes| inodes.clean)
        .fold(0, u64::saturating_add);
    Some(format!(
        "{} a writeback with {} clean {}",
        zombies_have(zombies),
        grouped(clean),
        units::noun(clean, "inode"),
    ))
}

/// One directory has a million names or more that do not exist, whoever is charged for them.
pub(super) fn negative_dentries(snapshot: &Snapshot) -> Option<String> {
    let contents = snapshot.slab_inside.items.iter();
    let dentries = contents.filter(|contents| contents.kind == ObjectKind::Dentry);
    let mut sums: BTreeMap<_, u64> = BTreeMap::new();
    for row in dentries.flat_map(|contents| &contents.rows) {
        for parent in &row.found.parents {
            if let Some(path) = &parent.path {
                let sum = sums.entry((&row.found.dev, path)).or_default();
                *sum = sum.saturating_add(parent.states.negative);
            }
        }
    }
    let ((_, path), most) = sums.into_iter().max_by_key(|(_, negative)| *negative)?;
    let path = path.display();
    (most >= MANY_NEGATIVE).then(|| format!("{path} has {} negative dentries", grouped(most)))
}

/// Nine tenths of the ids are in use: by memcgs that are alive, and by dead ones with pages in
/// swap (mm/memcontrol.c: mem_cgroup_id_put()).
pub(super) fn memcg_ids(snapshot: &Snapshot) -> Option<String> {
    let memcgs = || snapshot.memcgs.items.iter();
    let alive = memcgs().filter(|memcg| memcg.phase.is_none()).count() as u64;
    let has_swap = |entries: Option<u64>| entries.is_some_and(|entries| entries > 0);
    let dead = memcgs().filter(|memcg| memcg.phase.is_some());
    let swapped = dead.filter(|memcg| has_swap(memcg.facts.swap_entries));
    let swapped = swapped.count() as u64;
    (alive + swapped >= FEW_IDS_LEFT).then(|| {
        format!(
            "{} memcgs are alive and {} dead ones have pages in swap, of {} ids",
            grouped(alive),
            grouped(swapped),
            grouped(ALL_IDS)
        )
    })
}

fn references(refs: u64) -> String {
    format!("{} {}", grouped(refs), units::noun(refs, "reference"))
}

fn zombies_have(zombies: u64) -> String {
    match zombies {
        1 => "1 zombie has".to_owned(),
        _ => format!("{} zombies have", grouped(zombies)),
    }
}
