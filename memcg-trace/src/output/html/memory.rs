//! The keepers of memory: the dead by origin, with ledgers of their references, and the owners of slab.

use std::cmp::Reverse;
use std::sync::Arc;

use maud::{Markup, html};

use super::gathered::Gathered;
use super::tables;
use crate::model::origins::{self, Origin};
use crate::model::slab_list::{self, Order};
use crate::model::snapshot::{Pins, Slab, SlabCache, Snapshot};
use crate::model::zombies::pins_of;
use crate::output::slab::View;
use crate::output::table::{Style, Table};
use crate::output::{dying, names, origins as origin_text, pins as pins_text, slab, summary};
use crate::sample::sanitized;

/// The most origins that are described, each with a ledger.
const DESCRIBED: usize = 8;
/// Columns of text within the page.
const STYLE: Style = Style {
    columns: Some(100),
    colour: false,
};

/// The zombies when there were most.
pub(super) fn zombies(gathered: &Gathered, top: usize) -> Markup {
    let snapshot = &gathered.most_dead;
    if let Some(reason) = &snapshot.memcgs.reason {
        return html! { p { "Not known: " (sanitized(reason)) } };
    }
    let all = origins::list(snapshot);
    let shown = &all[..all.len().min(top)];
    let table = origin_text::table(shown, all.len() - shown.len());
    let when = gathered.clock().at(snapshot.mono_ns);
    html! {
        p { "As of " (when) ", when there were most: " (summary::population(snapshot)) "." }
        @for line in dying::explanation(snapshot).iter().chain(&summary::zombie_cost(snapshot)) {
            p { (line) }
        }
        (tables::markup("Zombies by origin", &table))
        (tables::glossary(&[&table]))
        @for origin in shown.iter().take(DESCRIBED) { (described(origin, snapshot)) }
        @if let Some(how) = origin_text::how_to_ask(snapshot, &all) { p { (how) } }
    }
}

fn described(origin: &Origin, snapshot: &Snapshot) -> Markup {
    let of_one = |serial_nr: u64| pins_of(snapshot, serial_nr);
    let ledger = of_one(origin.oldest.serial_nr).or_else(|| of_one(origin.newest.serial_nr));
    html! {
        h3 { (names::origin(&origin.parent, &origin.name)) }
        pre { (origin_text::one(origin)) }
        @if let Some(pins) = ledger { (one(pins, snapshot)) }
    }
}

fn one(pins: &Pins, snapshot: &Snapshot) -> Markup {
    html! {
        details {
            summary { "Ledger of one of them, " (names::path(Some(&pins.zombie))) }
            pre { (pins_text::one(pins, snapshot.mono_ns, STYLE)) }
        }
    }
}

/// The owners of slab when there was most of it.
pub(super) fn slab(gathered: &Gathered, top: usize, is_whole: bool) -> Markup {
    let snapshot = &gathered.most_slab;
    if let Some(reason) = &snapshot.slab_caches.reason {
        return html! { p { "Not known: " (sanitized(reason)) } };
    }
    let mut held: Vec<&Slab> = slab_list::held(snapshot).collect();
    held.sort_by(|a, b| Order::Share.compare(a, b));
    let mut caches: Vec<&SlabCache> = snapshot.slab_caches.items.iter().collect();
    caches.sort_by_key(|row| (Reverse(row.walked.slab_pages), Arc::clone(&row.name)));
    let view = View {
        held: &held,
        caches: &caches,
        top,
        cache: None,
        is_whole,
    };
    let all = slab::tables(snapshot, &view);
    let only: Vec<&Table> = all.iter().map(|(_, table)| table).collect();
    let when = gathered.clock().at(snapshot.mono_ns);
    html! {
        p { "As of " (when) ", when there was most." }
        ul { @for line in slab::lines(snapshot, &view) { li { (line) } } }
        @for (caption, table) in &all { (tables::markup(caption, table)) }
        (tables::glossary(&only))
    }
}
