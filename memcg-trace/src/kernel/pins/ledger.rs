//! References found so far, by zombie and kind.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::folios::Folios;
use super::holders::{Holders, Thing};
use crate::kernel::counted::memcgs::DeadCss;
use crate::kernel::debugger::css;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::sample::pins::{Held, NotChecked, Object, ObjectKind, Pin, PinKind, Pinned, Pins};

/// Objects that a row of the ledger lists.
const OBJECTS: usize = 64;

/// Ways to hold a css itself that nothing looks at: references that are left over may be any of
/// these.
const UNSEEN_WAYS: &[&str] = &[
    "modules of the kernel",
    "tasks on their way through the kernel (charging, reclaim, reading a cgroup file)",
    "BPF programs",
    "events and moves of charges (cgroup v1)",
];

/// Findings for one zombie.
#[derive(Debug, Default)]
pub(super) struct Zombie {
    pub(super) css: u64,
    serial_nr: u64,
    refs: Option<i64>,
    changed: bool,
    rows: BTreeMap<PinKind, Row>,
    /// Its pages, until they are described.
    pub(super) folios: Folios,
    /// The reason why its own lists do not have all of its pages.
    pub(super) off_lists: Option<String>,
    not_checked: Vec<NotChecked>,
}

#[derive(Debug, Default)]
struct Row {
    refs: u64,
    pages: Option<u64>,
    /// Objects, each with the thing whose holders are wanted, if there is one.
    objects: Vec<(Object, Option<Thing>)>,
    truncated_at: Option<u64>,
}

/// The amount of work that was done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Visited {
    pub(super) pages: u64,
    pub(super) objects: u64,
}

/// The findings for all zombies.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) zombies: Vec<Zombie>,
    by_css: HashMap<u64, usize>,
    pub(super) visited: Visited,
    /// Folios that a CPU has in a batch, by their first page: one reference each.
    pub(super) in_batches: HashSet<u64>,
    pub(super) all_pages_because: Option<String>,
}

impl Ledger {
    pub(super) fn new(targets: &[DeadCss]) -> Self {
        let zombies = targets.iter().map(|target| Zombie {
            css: target.css,
            serial_nr: target.serial_nr,
            ..Zombie::default()
        });
        let by_css = targets.iter().zip(0..);
        Self {
            by_css: by_css.map(|(target, at)| (target.css, at)).collect(),
            zombies: zombies.collect(),
            ..Self::default()
        }
    }

    /// The zombie whose css is at an address.
    pub(super) fn zombie(&mut self, css: u64) -> Option<&mut Zombie> {
        let at = *self.by_css.get(&css)?;
        self.zombies.get_mut(at)
    }

    pub(super) fn position(&self, css: u64) -> Option<usize> {
        self.by_css.get(&css).copied()
    }

    /// Runs one search; if it fails, the reason is noted for all zombies.
    pub(super) fn search(
        &mut self,
        kinds: &[PinKind],
        search: impl FnOnce(&mut Self) -> Result<(), Unreadable>,
    ) {
        if let Err(why) = search(self) {
            self.note_all(kinds, &why);
        }
    }

    /// Runs one search for each zombie; if it fails, the reason is noted for that zombie.
    pub(super) fn search_each(
        &mut self,
        kinds: &[PinKind],
        search: impl Fn(&mut Zombie, &mut Visited) -> Result<(), Unreadable>,
    ) {
        for zombie in &mut self.zombies {
            if let Err(why) = search(zombie, &mut self.visited) {
                for kind in kinds {
                    zombie.note(*kind, &why);
                }
            }
        }
    }

    pub(super) fn note_all(&mut self, kinds: &[PinKind], why: &Unreadable) {
        for zombie in &mut self.zombies {
            for kind in kinds {
                zombie.note(*kind, why);
            }
        }
    }

    /// Reads the number of references. A zombie whose memory is now used for something else has
    /// none.
    pub(super) fn read_refs(&mut self, reader: &Reader<'_>) {
        for zombie in &mut self.zombies {
            match css::refs(reader, zombie.css, zombie.serial_nr) {
                Ok(refs) => zombie.refs = refs,
                Err(_) => (zombie.refs, zombie.changed) = (None, true),
            }
        }
    }

    /// The reason why the pages of the whole host have to be scanned, if they have to.
    pub(super) fn why_all_pages(&self) -> Option<String> {
        let short = self.zombies.iter().find(|zombie| zombie.is_short())?;
        let (found, refs) = (short.found(), short.refs.unwrap_or(0));
        Some(match &short.off_lists {
            Some(why) => why.clone(),
            None => format!("{found} of {refs} references were found without"),
        })
    }

    /// Things whose holders are wanted.
    pub(super) fn things(&self) -> Vec<Thing> {
        let rows = self.zombies.iter().flat_map(|zombie| zombie.rows.values());
        let objects = rows.flat_map(|row| &row.objects);
        objects.filter_map(|(_, thing)| *thing).collect()
    }

    /// Adds the holders to each object.
    pub(super) fn set_holders(&mut self, holders: &Holders) {
        let rows = self.zombies.iter_mut();
        for row in rows.flat_map(|zombie| zombie.rows.values_mut()) {
            for (object, thing) in &mut row.objects {
                if let Some(thing) = thing {
                    holders.describe(*thing, object);
                }
            }
        }
    }

    pub(super) fn into_pins(self) -> Pins {
        Pins {
            visited_pages: self.visited.pages,
            visited_objects: self.visited.objects,
            all_pages_because: self.all_pages_because,
            zombies: self.zombies.into_iter().map(Zombie::into_pinned).collect(),
            ..Pins::default()
        }
    }
}

impl Zombie {
    /// Adds an object, and its references.
    pub(super) fn add(&mut self, kind: PinKind, object: Object) {
        self.push(kind, object, None);
    }

    /// Adds an object whose own holders are wanted.
    pub(super) fn add_held(&mut self, kind: PinKind, object: Object, thing: Thing) {
        self.push(kind, object, Some(thing));
    }

    fn push(&mut self, kind: PinKind, object: Object, thing: Option<Thing>) {
        let row = self.rows.entry(kind).or_default();
        row.refs += object.refs;
        if let Some(pages) = object.pages {
            *row.pages.get_or_insert(0) += pages;
        }
        row.objects.push((object, thing));
    }

    /// Returns whether the zombie has pages in swap.
    pub(super) fn has_swap(&self) -> bool {
        self.rows.contains_key(&PinKind::Swap)
    }

    /// Adds a part of an object whose reference is counted already: for example, a file with pages
    /// in swap.
    pub(super) fn add_part(&mut self, kind: PinKind, object: Object, thing: Option<Thing>) {
        let row = self.rows.entry(kind).or_default();
        row.objects.push((object, thing));
    }

    /// Sets the number of the zombie's pages in swap whose owner was found.
    pub(super) fn set_swapped(&mut self, found: u64, not_checked: &[String]) {
        let Some(row) = self.rows.get_mut(&PinKind::Swap) else {
            return;
        };
        for (object, _) in &mut row.objects {
            if let (ObjectKind::SwapId, Some(pages)) = (object.kind, object.pages) {
                object.held = Some(Held {
                    refs: pages,
                    found: found.min(pages),
                    not_checked: not_checked.to_vec(),
                });
            }
        }
    }

    /// Marks a row as truncated by a bound.
    pub(super) fn truncate(&mut self, kind: PinKind) {
        let row = self.rows.entry(kind).or_default();
        row.truncated_at = Some(row.refs);
    }

    pub(super) fn note(&mut self, kind: PinKind, why: &Unreadable) {
        let note = NotChecked {
            kind,
            reason: why.to_string(),
        };
        if !self.not_checked.contains(&note) {
            self.not_checked.push(note);
        }
    }

    fn found(&self) -> u64 {
        let rows: u64 = self.rows.values().map(|row| row.refs).sum();
        rows + self.folios.refs()
    }

    /// Returns whether references are left that were not found.
    pub(super) fn is_short(&self) -> bool {
        self.off_lists.is_some()
            || (self.refs).is_some_and(|refs| i64::try_from(self.found()).is_ok_and(|f| f < refs))
    }

    fn into_pinned(mut self) -> Pinned {
        let found = i64::try_from(self.found()).unwrap_or(i64::MAX);
        if self.refs.is_some_and(|refs| refs > found) {
            let ways = UNSEEN_WAYS.iter().map(|way| NotChecked {
                kind: PinKind::Other,
                reason: (*way).to_owned(),
            });
            self.not_checked.extend(ways);
        }
        Pinned {
            serial_nr: self.serial_nr,
            refs: self.refs,
            changed: self.changed,
            pins: self
                .rows
                .into_iter()
                .map(|(kind, row)| row.into_pin(kind))
                .collect(),
            not_checked: self.not_checked,
        }
    }
}

impl Row {
    fn into_pin(mut self, kind: PinKind) -> Pin {
        self.objects
            .sort_by_key(|(object, _)| std::cmp::Reverse((object.refs, object.pages)));
        let omitted = self.objects.len().saturating_sub(OBJECTS);
        self.objects.truncate(OBJECTS);
        Pin {
            kind,
            refs: self.refs,
            pages: self.pages,
            objects: self.objects.into_iter().map(|(object, _)| object).collect(),
            objects_omitted: omitted as u64,
            truncated_at: self.truncated_at,
        }
    }
}
