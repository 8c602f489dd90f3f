//! Documents of zombies and of their pins.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::{Document, NotChecked, memcg_gaps, of_snapshot};
use crate::model::known::About;
use crate::model::snapshot::{self, Phase, Snapshot};
use crate::model::zombies;
use crate::output::figures::Object;
use crate::output::records::{
    Dying, Finding, KnownBug, Pins, Reparent, Section, ZombieCost, losses,
};
use crate::sample::recording::Host;
use crate::sample::sanitized;

#[derive(Debug, Serialize)]
struct ZombieSummary<'a> {
    memcgs: Option<u64>,
    zombies: Option<u64>,
    by_phase: Option<BTreeMap<&'static str, u64>>,
    tax: ZombieCost,
    findings: Vec<Finding<'a>>,
    reparents: Vec<Reparent<'a>>,
    dying: Option<Dying<'a>>,
    known_bugs: Vec<KnownBug<'a>>,
}

/// The zombies of a moment, in the given order.
///
/// # Errors
/// Never for what a model made.
pub fn zombies(
    snapshot: &Snapshot,
    zombies: &[zombies::Zombie],
    host: &Host,
) -> serde_json::Result<Vec<u8>> {
    let totals = &snapshot.totals;
    let phases = Phase::ALL.map(Phase::as_str).into_iter();
    let document = Document {
        summary: ZombieSummary {
            memcgs: totals.memcgs,
            zombies: totals.zombies,
            by_phase: totals
                .zombies
                .map(|_| phases.zip(totals.by_phase).collect()),
            tax: ZombieCost::of(snapshot),
            findings: snapshot.findings.items.iter().map(Finding::from).collect(),
            reparents: snapshot
                .reparents
                .items
                .iter()
                .map(Reparent::from)
                .collect(),
            dying: Dying::of(snapshot),
            known_bugs: KnownBug::seen_in(snapshot, About::Zombies),
        },
        items: zombies.iter().map(Object).collect(),
        not_checked: memcg_gaps(snapshot),
        sections: vec![Section::of(&snapshot.memcgs)],
        losses: losses(snapshot),
    };
    of_snapshot("zombie", snapshot, host, document)
}

#[derive(Debug, Serialize)]
struct PinsSummary<'a> {
    zombies: Option<u64>,
    answered: u64,
    /// Zombies whose references were all found.
    explained: u64,
    visited_pages: Option<u64>,
    visited_objects: Option<u64>,
    all_pages_because: Option<Cow<'a, str>>,
    can_reclaim: Option<bool>,
    free_swap_bytes: Option<u64>,
    known_bugs: Vec<KnownBug<'a>>,
}

/// The pins of some zombies of a moment; `open` lists what could not be checked.
///
/// # Errors
/// Never for what a model made.
pub fn pins(
    snapshot: &Snapshot,
    items: &[&snapshot::Pins],
    open: &[String],
    host: &Host,
) -> serde_json::Result<Vec<u8>> {
    let looks = items.iter().map(|pins| &pins.look);
    let look = looks.max_by_key(|look| look.end_ns);
    let explained = items.iter().filter(|pins| pins.unexplained_refs == Some(0));
    let mut not_checked = memcg_gaps(snapshot);
    not_checked.extend(open.iter().map(|reason| NotChecked {
        what: "pins",
        reason: sanitized(reason),
    }));
    let document = Document {
        summary: PinsSummary {
            zombies: snapshot.totals.zombies,
            answered: items.len() as u64,
            explained: explained.count() as u64,
            visited_pages: look.map(|look| look.visited_pages),
            visited_objects: look.map(|look| look.visited_objects),
            all_pages_because: look
                .and_then(|look| look.all_pages_because.as_deref().map(sanitized)),
            can_reclaim: look.and_then(|look| look.can_reclaim),
            free_swap_bytes: look.and_then(|look| look.free_swap_bytes),
            known_bugs: KnownBug::seen_in(snapshot, About::Zombies),
        },
        items: items.iter().map(|item| Pins::from(*item)).collect(),
        not_checked,
        sections: vec![Section::of(&snapshot.memcgs), Section::of(&snapshot.pins)],
        losses: losses(snapshot),
    };
    of_snapshot("pins", snapshot, host, document)
}
