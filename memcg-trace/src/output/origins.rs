//! Groups of zombies by origin, for people.

use std::fmt::Write as _;

use super::table::{Style, Table, figure, titled};
use super::{advice, fit, summary, text};
use crate::model::origins::{Origin, PinnedBy, Shared};
use crate::model::pins::words::grouped;
use crate::model::snapshot::Snapshot;
use crate::sample::recording::Host;
use crate::sample::sanitized;
use crate::units;

/// Most groups that are described below the table.
const DESCRIBED: usize = 8;

/// Writes groups of zombies, the largest first; `left_out` is the number of those that were not
/// asked for.
#[must_use]
pub fn render(
    snapshot: &Snapshot,
    host: &Host,
    origins: &[Origin],
    left_out: usize,
    style: Style,
) -> String {
    let mut out = String::new();
    let mut line = |line: &str| fit::push_line(&mut out, line, style.columns);
    line(&text::heading(snapshot, host));
    line(&summary::population(snapshot));
    if let Some(reason) = snapshot.memcgs.reason.as_deref() {
        line(&format!("no memcg figures: {}", sanitized(reason)));
    }
    if let Some(tax) = summary::zombie_cost(snapshot) {
        line(&tax);
    }
    table(origins, left_out).write(&mut out, style);
    for origin in origins.iter().take(DESCRIBED) {
        describe(origin, &mut out);
    }
    if let Some(how) = how_to_ask(snapshot, origins) {
        let _ = writeln!(out, "\n{how}");
    }
    out
}

/// Groups of zombies as a table.
pub(super) fn table(origins: &[Origin], left_out: usize) -> Table {
    let columns = [
        titled("ORIGIN", "origin"),
        figure("zombies"),
        figure("alive"),
        figure("pinned_by"),
        figure("own_cost_bytes"),
        figure("kept_bytes"),
        figure("swap_entries"),
        figure("first_dead_ns"),
        figure("last_dead_ns"),
    ];
    Table::of(&columns, origins, left_out)
}

/// The sentence of a group, and what would free it.
#[must_use]
pub fn one(origin: &Origin) -> String {
    let mut out = String::new();
    describe(origin, &mut out);
    out.trim_start().to_owned()
}

/// The sentence of a group, and what would free it. Lines are whole: a command is pasted.
fn describe(origin: &Origin, out: &mut String) {
    let _ = writeln!(out, "\n{}", origin.sentence);
    if origin.unmeasured > 0 {
        let of = units::things(origin.unmeasured, "zombie");
        let _ = writeln!(
            out,
            "  the figures of {of} are not known: sums are without them"
        );
    }
    for shared in &origin.advice {
        for step in &shared.steps {
            let _ = writeln!(
                out,
                "  {}{}",
                advice::line(step),
                bound(step, shared, origin)
            );
        }
    }
}

/// The gain of the steps, after the last of them.
fn bound(step: &crate::model::snapshot::Advice, shared: &Shared, origin: &Origin) -> String {
    let Some(bound) = advice::bound(step) else {
        return String::new();
    };
    let [zombies, all] = [shared.zombies, origin.zombies].map(grouped);
    format!("  # {bound}, in {zombies} of these {all}")
}

/// The command that asks for pins, if nobody asked for those of some zombies.
pub(super) fn how_to_ask(snapshot: &Snapshot, origins: &[Origin]) -> Option<String> {
    let open = origins
        .iter()
        .filter(|one| one.pinned_by == PinnedBy::NotAsked);
    let open = open.map(|one| one.zombies).fold(0, u64::saturating_add);
    if open == 0 {
        return None;
    }
    let reason = snapshot.pins.reason.as_deref();
    let reason = reason.filter(|reason| *reason != "not asked");
    let reason = reason.map_or_else(String::new, |reason| format!(" ({})", sanitized(reason)));
    Some(format!(
        "nobody asked what pins {}{reason}: `zombies --by origin --pins` does, or `record --pins` for \
         a recording",
        units::things(open, "zombie")
    ))
}
