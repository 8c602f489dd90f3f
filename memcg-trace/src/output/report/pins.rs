//! What pins dead memory cgroups.

use super::page::COLUMNS;
use super::{ending, header};
use crate::model::known::About;
use crate::model::snapshot::{Pins, Snapshot};
use crate::output::table::Style;
use crate::output::{dying, pins as text, summary};
use crate::sample::recording::Host;
use crate::sample::sanitized;

/// Writes some answers of a snapshot; `open` lists what they could not check.
#[must_use]
pub fn pins(snapshot: &Snapshot, items: &[&Pins], open: &[String], host: &Host) -> String {
    let mut page = header::start(&subject(snapshot, items), snapshot, host);
    page.section("Dead memory cgroups");
    page.line(&summary::population(snapshot), 2);
    if let Some(line) = dying::explanation(snapshot) {
        page.line(&line, 2);
    }
    let style = Style {
        columns: Some(COLUMNS),
        colour: false,
    };
    for pins in items {
        page.empty();
        page.text(&text::one(pins, snapshot.mono_ns, style));
    }
    let reason = snapshot.memcgs.reason.as_deref();
    let reason = reason.map(|reason| format!("memory cgroups: {}", sanitized(reason)));
    let gaps: Vec<String> = reason.into_iter().chain(open.iter().cloned()).collect();
    ending::end(page, snapshot, &[About::Zombies], &gaps)
}

fn subject(snapshot: &Snapshot, items: &[&Pins]) -> String {
    match items {
        [one] => format!("what pins the dead memory cgroup css:{}", one.zombie.css_id),
        _ => format!(
            "what pins dead memory cgroups: {}",
            summary::population(snapshot)
        ),
    }
}
