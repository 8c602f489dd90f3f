//! Pins of zombies: the last answer for each, joined with the tree.

mod advice;
mod verdict;
pub mod words;

pub(in crate::model) use verdict::phrase;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::snapshot::{self, Dying, MemcgId, Section, Source, pins::sum};
use super::tree::Tree;
use crate::sample::pins::{Pinned, Pins as Answer};

/// The answers so far. An answer holds until the next one, or until its zombie is gone; its names
/// are those of its moment.
#[derive(Debug)]
pub(super) struct Pins {
    section: Arc<Section<snapshot::Pins>>,
    /// The tree's generation when zombies that are gone were last removed.
    generation: u64,
}

impl Pins {
    pub(super) fn new() -> Self {
        Self {
            section: Arc::new(Section::absent("pins", "not asked")),
            generation: 0,
        }
    }

    pub(super) fn section(&self) -> Arc<Section<snapshot::Pins>> {
        Arc::clone(&self.section)
    }

    pub(super) fn mark_absent(&mut self, reason: &str) {
        if self.section.is_known() || self.section.reason.as_deref() != Some(reason) {
            self.section = Arc::new(Section::absent("pins", reason));
        }
    }

    /// Takes in an answer.
    pub(super) fn read(&mut self, answer: &Answer, tree: &Tree, dying: Option<&Dying>) {
        let look = Arc::new(Answer {
            zombies: Vec::new(),
            cgroups: Vec::new(),
            all_pages_because: answer.all_pages_because.clone(),
            ..*answer
        });
        let asked: BTreeMap<u64, &Pinned> = answer
            .zombies
            .iter()
            .map(|pinned| (pinned.serial_nr, pinned))
            .collect();
        // The kernel gives no serial number twice.
        let cgroups = answer.cgroups.iter();
        let cgroups: BTreeMap<u64, &Pinned> = cgroups
            .filter(|pinned| !asked.contains_key(&pinned.serial_nr))
            .map(|pinned| (pinned.serial_nr, pinned))
            .collect();
        let kept = self.section.items.iter().filter(|item| {
            let serial_nr = item.zombie.serial_nr;
            let is_asked = asked.contains_key(&serial_nr) || cgroups.contains_key(&serial_nr);
            !is_asked && is_there(item, tree, dying)
        });
        let kept = kept.cloned();
        let new = asked.values().map(|pinned| ledger(pinned, &look, tree));
        let cgroups = cgroups.values().map(|pinned| {
            let id = dying.and_then(|dying| dying.id(pinned.serial_nr));
            of_cgroup(pinned, &look, tree, id)
        });
        let new = new
            .chain(cgroups)
            .filter(|item| is_there(item, tree, dying));
        let mut items: Vec<snapshot::Pins> = kept.chain(new).collect();
        items.sort_by(|a, b| {
            let key = |item: &snapshot::Pins| Reverse((item.found.refs, item.found_refs()));
            key(a)
                .cmp(&key(b))
                .then_with(|| a.zombie.path.cmp(&b.zombie.path))
                .then_with(|| a.zombie.serial_nr.cmp(&b.zombie.serial_nr))
        });
        self.section = Arc::new(Section {
            name: "pins",
            source: Source::Walk,
            as_of_ns: Some(answer.end_ns),
            took_ns: Some(answer.took_ns),
            visited: Some(answer.visited_pages.saturating_add(answer.visited_objects)),
            truncated_at: None,
            reason: None,
            items,
        });
        self.generation = tree.generation();
    }

    /// Forgets zombies that are gone.
    pub(super) fn drop_released(&mut self, tree: &Tree, dying: Option<&Dying>) {
        let has_cgroups = self.section.items.iter().any(|item| item.is_cgroup);
        if self.generation == tree.generation() && !has_cgroups {
            return;
        }
        self.generation = tree.generation();
        let is_gone = |item: &snapshot::Pins| !is_there(item, tree, dying);
        if self.section.items.iter().any(is_gone) {
            let left = self.section.items.iter().filter(|item| !is_gone(item));
            let left = left.cloned().collect();
            self.section = Arc::new(self.section.with_items(left));
        }
    }
}

/// Returns whether a zombie is not known to be released.
fn is_there(item: &snapshot::Pins, tree: &Tree, dying: Option<&Dying>) -> bool {
    let serial_nr = item.zombie.serial_nr;
    match (item.is_cgroup, dying) {
        (true, None) => true,
        (true, Some(dying)) => dying.id(serial_nr).is_some(),
        (false, _) => tree.as_of_ns().is_none() || tree.id(serial_nr).is_some(),
    }
}

/// Returns the ledger of a dead cgroup whose memory cgroup is gone.
fn of_cgroup(
    pinned: &Pinned,
    look: &Arc<Answer>,
    tree: &Tree,
    id: Option<&Arc<MemcgId>>,
) -> snapshot::Pins {
    let mut pins = ledger(pinned, look, tree);
    pins.is_cgroup = true;
    if let Some(id) = id {
        pins.zombie = Arc::clone(id);
    }
    pins
}

/// Returns the ledger of one zombie, with names and a verdict.
fn ledger(pinned: &Pinned, look: &Arc<Answer>, tree: &Tree) -> snapshot::Pins {
    let mut found = pinned.clone();
    found.pins.sort_by_key(|pin| (Reverse(pin.refs), pin.kind));
    let mut memcgs = BTreeMap::new();
    for object in found.pins.iter().flat_map(|pin| &pin.objects) {
        let of_users = object.users.iter().map(|user| user.memcg_serial_nr);
        for serial_nr in of_users.chain([object.memcg_serial_nr]).flatten() {
            if let Some(id) = tree.id(serial_nr) {
                memcgs.insert(serial_nr, Arc::clone(id));
            }
        }
    }
    let serial_nr = pinned.serial_nr;
    let nameless = || {
        Arc::new(MemcgId {
            serial_nr,
            ..MemcgId::default()
        })
    };
    let mut pins = snapshot::Pins {
        zombie: tree.id(serial_nr).map_or_else(nameless, Arc::clone),
        is_cgroup: false,
        phase: tree.phase(serial_nr),
        unexplained_refs: found.refs.map(|refs| less(refs, sum(&found.pins))),
        found: Arc::new(found),
        memcgs,
        live_ancestor: tree.live_ancestor(serial_nr).map(Arc::clone),
        look: Arc::clone(look),
        sentence: String::new(),
        advice: Vec::new(),
    };
    pins.sentence = verdict::sentence(&pins);
    pins.advice = advice::advise(&pins);
    pins
}

/// Returns the difference, saturating.
fn less(refs: i64, found: u64) -> i64 {
    let difference = i128::from(refs) - i128::from(found);
    i64::try_from(difference).unwrap_or(if difference < 0 { i64::MIN } else { i64::MAX })
}
