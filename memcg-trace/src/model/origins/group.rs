//! Zombies in groups: by parent, by the shape of their names and by what pins them.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use super::origin::{Origin, PinnedBy};
use super::places::{self, Place};
use super::words;
use crate::model::snapshot::{Memcg, Pins, Snapshot};
use crate::sample::Text;
use crate::units::PAGE_BYTES;

/// Groups the zombies of a snapshot, the largest group first.
#[must_use]
pub fn list(snapshot: &Snapshot) -> Vec<Origin> {
    let memcgs = &snapshot.memcgs.items;
    let places = places::find(memcgs, |memcg| memcg.phase.is_some());
    let pins = snapshot.pins.items.iter().filter(|pins| !pins.is_cgroup);
    let pins: HashMap<u64, &Pins> = pins.map(|pins| (pins.zombie.serial_nr, pins)).collect();
    let mut alive: HashMap<Place, u64> = HashMap::new();
    let mut groups: HashMap<(Place, PinnedBy), Group<'_>> = HashMap::new();
    for (memcg, place) in memcgs.iter().zip(&places.of) {
        let Some(place) = place else { continue };
        if memcg.phase.is_none() {
            *alive.entry(*place).or_default() += 1;
            continue;
        }
        let pins = pins.get(&memcg.id.serial_nr).copied();
        let group = groups.entry((*place, pinned_by(pins))).or_default();
        group.zombies.push(memcg);
        group.pins.extend(pins);
    }
    let all = groups
        .values()
        .map(|group| group.zombies.len() as u64)
        .sum();
    let named = groups
        .into_iter()
        .filter_map(|((place, pinned_by), group)| {
            let alive = alive.get(&place).copied().unwrap_or(0);
            group.origin(
                &places.paths[place],
                pinned_by,
                (all, alive),
                snapshot.mono_ns,
            )
        });
    let mut origins: Vec<Origin> = named.collect();
    origins.sort_by(|a, b| {
        let size = |one: &Origin| Reverse((one.zombies, one.own_cost_bytes));
        let name = |one: &Origin| (one.parent.clone(), one.name.clone(), one.pinned_by);
        size(a).cmp(&size(b)).then_with(|| name(a).cmp(&name(b)))
    });
    origins
}

fn pinned_by(pins: Option<&Pins>) -> PinnedBy {
    match pins.map(|pins| pins.found.pins.first()) {
        None => PinnedBy::NotAsked,
        Some(None) => PinnedBy::Nothing,
        Some(Some(pin)) => PinnedBy::Kind(pin.kind),
    }
}

/// The members of a group.
#[derive(Default)]
struct Group<'a> {
    zombies: Vec<&'a Memcg>,
    pins: Vec<&'a Pins>,
}

impl Group<'_> {
    fn origin(
        self,
        (parent, name): &(Text, Text),
        pinned_by: PinnedBy,
        (of_zombies, alive): (u64, u64),
        now_ns: u64,
    ) -> Option<Origin> {
        let zombies = &self.zombies;
        let oldest = zombies.iter().min_by_key(|memcg| memcg.id.serial_nr)?;
        let newest = zombies.iter().max_by_key(|memcg| memcg.id.serial_nr)?;
        let dead = || zombies.iter().filter_map(|memcg| memcg.offline_ns);
        let age = |offline_ns: u64| now_ns.saturating_sub(offline_ns);
        let is_measured = |memcg: &&&Memcg| {
            let facts = &memcg.facts;
            facts.own_cost_bytes.is_some()
                && facts.lru_pages.is_some()
                && facts.swap_entries.is_some()
        };
        let count = zombies.len() as u64;
        let mut origin = Origin {
            parent: parent.clone(),
            name: name.clone(),
            pinned_by,
            zombies: count,
            of_zombies,
            own_cost_bytes: sum(zombies.iter().map(|memcg| memcg.facts.own_cost_bytes)),
            kept_bytes: sum(zombies.iter().map(|memcg| memcg.facts.lru_pages))
                .map(|pages| pages.saturating_mul(PAGE_BYTES)),
            swap_entries: sum(zombies.iter().map(|memcg| memcg.facts.swap_entries)),
            unmeasured: count - zombies.iter().filter(is_measured).count() as u64,
            first_dead_ns: dead().min().map(age),
            last_dead_ns: dead().max().map(age),
            died_unseen: count - dead().count() as u64,
            alive,
            oldest: Arc::clone(&oldest.id),
            newest: Arc::clone(&newest.id),
            sentence: String::new(),
            advice: words::advice(&self.pins),
        };
        origin.sentence = words::sentence(&origin, &self.pins);
        Some(origin)
    }
}

/// Returns the sum of the figures that are known; `None` if none is.
pub(in crate::model) fn sum(figures: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    figures.flatten().reduce(u64::saturating_add)
}
