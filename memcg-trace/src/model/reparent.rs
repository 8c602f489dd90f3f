//! Reparentings: slab and pages that dead memory cgroups leave to their ancestors.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::pins::words::grouped;
use super::slab::SlabRates;
use super::snapshot::{Reparent, Section, Snapshot, Source};
use super::tree::Tree;
use super::zombies::Wanted;
use crate::sample::{MemcgEvent, MemcgEventKind};
use crate::units;

/// The number of reparentings that are remembered, a few screens; of a storm, the last ones.
const MAX_REPARENTS: usize = 256;

/// The last reparentings.
#[derive(Debug)]
pub(super) struct Reparents {
    history: VecDeque<Reparent>,
    /// Reparentings so far.
    number: u64,
    /// Reparentings since the last step.
    new: Vec<New>,
    reparents_lru: Option<bool>,
    section: Arc<Section<Reparent>>,
}

#[derive(Debug)]
struct New {
    reparent: Reparent,
    /// Whether the memcg was made during this run, so that all its slab objects were counted.
    was_born: bool,
    /// Its object cgroups at the last reading of the counters.
    objcgs: Vec<u64>,
}

impl Reparents {
    pub(super) fn new() -> Self {
        Self {
            history: VecDeque::new(),
            number: 0,
            new: Vec::new(),
            reparents_lru: None,
            section: Arc::new(Section::unread("reparent")),
        }
    }

    pub(super) fn section(&self) -> Arc<Section<Reparent>> {
        Arc::clone(&self.section)
    }

    pub(super) fn mark_absent(&mut self, reason: &str) {
        if self.section.is_known() || self.section.reason.as_deref() != Some(reason) {
            self.section = Arc::new(Section::absent("reparent", reason));
        }
    }

    /// Takes in an event that the tree has just taken in.
    pub(super) fn on_event(&mut self, event: &MemcgEvent, tree: &Tree) {
        let (MemcgEventKind::Offline, Some(memcg)) = (event.kind, tree.id(event.serial_nr)) else {
            return;
        };
        self.number += 1;
        self.new.push(New {
            reparent: Reparent {
                number: self.number,
                time_ns: event.time_ns,
                memcg: Arc::clone(memcg),
                to: tree.live_ancestor(event.serial_nr).map(Arc::clone),
                slab_objects: None,
                slab_bytes: None,
                lru_pages: event.lru_pages,
            },
            was_born: tree.creator(event.serial_nr).is_some(),
            objcgs: Vec::new(),
        });
    }

    /// Notes the object cgroups of each memcg before the counters of the sample are read, which may
    /// already name the ancestor.
    pub(super) fn before_slab(&mut self, slab: &SlabRates) {
        if self.new.is_empty() {
            return;
        }
        let memcgs: HashSet<u64> = self
            .new
            .iter()
            .map(|new| serial_nr(&new.reparent))
            .collect();
        let mut objcgs = slab.objcgs_of(&memcgs);
        for new in &mut self.new {
            new.objcgs = objcgs.remove(&serial_nr(&new.reparent)).unwrap_or_default();
        }
    }

    /// Completes the reparentings after the counters were read and the tree was walked.
    /// `reparents_lru` says whether the kernel moves LRU pages, if the sample has that.
    pub(super) fn complete(
        &mut self,
        slab: &mut SlabRates,
        tree: &Tree,
        reparents_lru: Option<bool>,
        as_of_ns: u64,
    ) {
        self.reparents_lru = reparents_lru.or(self.reparents_lru);
        let mut new = std::mem::take(&mut self.new);
        if new.is_empty() && self.section.is_known() {
            return;
        }
        self.move_slab(&mut new, slab);
        let came = new.len();
        for New { mut reparent, .. } in new {
            // The first walk has names that the events before it lack.
            if let Some(id) = tree.id(serial_nr(&reparent)) {
                reparent.memcg = Arc::clone(id);
                let ancestor = || tree.live_ancestor(id.serial_nr).map(Arc::clone);
                reparent.to = reparent.to.or_else(ancestor);
            }
            reparent.lru_pages = match self.reparents_lru {
                Some(true) => reparent.lru_pages,
                Some(false) => Some(0),
                None => None,
            };
            if self.history.len() == MAX_REPARENTS {
                self.history.pop_front();
            }
            self.history.push_back(reparent);
        }
        self.section = Arc::new(Section {
            name: "reparent",
            source: Source::Event,
            as_of_ns: Some(as_of_ns),
            took_ns: None,
            visited: Some(self.number),
            truncated_at: (came > MAX_REPARENTS).then_some(MAX_REPARENTS as u64),
            reason: None,
            items: self.history.iter().cloned().collect(),
        });
    }

    /// Moves object cgroups with their objects from one memcg to the next, in the order of events:
    /// from a child to its parent, and then with the parent's own to the grandparent.
    fn move_slab(&self, new: &mut [New], slab: &mut SlabRates) {
        let all = new.iter().flat_map(|new| &new.objcgs).copied().collect();
        let held = slab.held(&all);
        let mut inherited: HashMap<u64, Vec<u64>> = HashMap::new();
        let mut owners: HashMap<u64, u64> = HashMap::new();
        for New {
            reparent,
            was_born,
            objcgs,
        } in new
        {
            objcgs.extend(inherited.remove(&serial_nr(reparent)).unwrap_or_default());
            if *was_born && !objcgs.is_empty() {
                let held = || objcgs.iter().filter_map(|objcg| held.get(objcg));
                reparent.slab_objects = held().map(|(objects, _)| *objects).try_fold(0, add);
                reparent.slab_bytes = held().map(|(_, bytes)| *bytes).try_fold(0, add);
            }
            if let Some(to) = &reparent.to {
                owners.extend(objcgs.iter().map(|objcg| (*objcg, to.serial_nr)));
                let theirs = inherited.entry(to.serial_nr).or_default();
                theirs.append(objcgs);
            }
        }
        slab.hand_over(&owners);
    }
}

fn serial_nr(reparent: &Reparent) -> u64 {
    reparent.memcg.serial_nr
}

fn add(sum: u64, more: Option<u64>) -> Option<u64> {
    sum.checked_add(more?)
}

/// Returns the last reparenting of a memcg that a user names.
#[must_use]
pub fn find<'a>(snapshot: &'a Snapshot, wanted: &Wanted) -> Option<&'a Reparent> {
    let mut items = snapshot.reparents.items.iter().rev();
    items.find(|reparent| wanted.is(&reparent.memcg))
}

/// Returns a sentence about a memcg that is gone, fit for a terminal.
#[must_use]
pub fn sentence(reparent: &Reparent) -> String {
    let path = reparent.memcg.shown();
    let to = reparent.to.as_ref().map(|to| to.shown());
    let to = to.as_deref().unwrap_or("an ancestor");
    let counted = |count: Option<u64>, what: &str| {
        let count = count.filter(|count| *count > 0)?;
        Some(format!("{} {}", grouped(count), units::noun(count, what)))
    };
    let moved = [
        counted(reparent.lru_pages, "page"),
        counted(reparent.slab_objects, "slab object"),
    ];
    let moved: Vec<String> = moved.into_iter().flatten().collect();
    if moved.is_empty() {
        return format!("{path} is gone, not a zombie; nothing is known to have gone to {to}");
    }
    let moved = moved.join(" and ");
    format!("{path} is gone, not a zombie; {moved} reparented to {to}")
}

/// Returns the last reparentings that moved something, latest first.
pub fn last(snapshot: &Snapshot) -> impl Iterator<Item = &Reparent> {
    let items = snapshot.reparents.items.iter().rev();
    items.filter(|reparent| reparent.moved())
}
