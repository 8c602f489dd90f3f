//! Who holds slab memory.

use super::page::COLUMNS;
use super::{ending, header};
use crate::model::known::About;
use crate::model::slab_list::Totals;
use crate::model::snapshot::Snapshot;
use crate::output::slab::{self as text, View};
use crate::output::table::Style;
use crate::sample::recording::Host;

/// Writes the last walk of all slabs.
#[must_use]
pub fn slab(snapshot: &Snapshot, view: &View<'_>, host: &Host) -> String {
    let mut page = header::start("who holds slab memory", snapshot, host);
    page.section("Slab memory");
    let style = Style {
        columns: Some(COLUMNS),
        colour: false,
    };
    page.text(&text::answer(snapshot, view, style));
    let gaps = text::gaps(snapshot, &Totals::of(snapshot, view.cache));
    ending::end(page, snapshot, &[About::Caches], &gaps)
}
