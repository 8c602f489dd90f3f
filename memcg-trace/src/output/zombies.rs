//! The list of zombies, for people.

use super::figures::record;
use super::records::Reparent;
use super::table::{Style, Table, figure, titled};
use super::{dying, fit, known, summary, text};
use crate::model::abandoned;
use crate::model::known::About;
use crate::model::reparent;
use crate::model::snapshot::Snapshot;
use crate::model::zombies::Zombie;
use crate::sample::recording::Host;
use crate::sample::sanitized;
use crate::units;

/// Writes the zombies of a snapshot in the given order; `left_out` is the number of those that were
/// not asked for. Of dead cgroups without a memory cgroup it writes `top`.
#[must_use]
pub fn render(
    snapshot: &Snapshot,
    host: &Host,
    zombies: &[Zombie],
    left_out: usize,
    top: Option<usize>,
    style: Style,
) -> String {
    let mut text = String::new();
    let absence = snapshot.memcgs.reason.as_deref();
    let absence = absence.map(|reason| format!("no memcg figures: {}", sanitized(reason)));
    let heading = [text::heading(snapshot, host), summary::population(snapshot)];
    for line in heading
        .into_iter()
        .chain(absence)
        .chain(summary::names_not_read(snapshot))
        .chain(dying::explanation(snapshot))
        .chain(summary::zombie_cost(snapshot))
        .chain(empty(snapshot))
    {
        fit::push_line(&mut text, &line, style.columns);
    }
    if let Some(finding) = summary::worst_finding(snapshot) {
        fit::push_line(&mut text, &finding, style.columns);
    }
    let columns = [
        titled("ZOMBIE", "path"),
        figure("phase"),
        figure("age_ns"),
        figure("refs"),
        figure("lru_pages"),
        figure("swap_entries"),
        figure("own_cost_bytes"),
        figure("made_by"),
    ];
    let table = Table::of(&columns, zombies, left_out);
    table.write(&mut text, style);
    dying::table(snapshot, top).write(&mut text, style);
    reparented(snapshot).write(&mut text, style);
    text += &known::seen(snapshot, About::Zombies, style);
    text
}

/// Live memcgs without tasks are often taken for zombies.
fn empty(snapshot: &Snapshot) -> Option<String> {
    let count = abandoned::count(snapshot).filter(|count| *count > 0)?;
    Some(format!(
        "{} alive without a task in or below: `zombies --abandoned` says which look abandoned",
        units::things(count, "memcg")
    ))
}

record! {
    /// What a memcg left to an ancestor, and when.
    struct Left<'a> {
        @part reparent: Reparent<'a>,
        /// Time since it went offline.
        @column ago_ns: u64 => "AGO",
    }
}

/// Charges that offline memcgs left to their ancestors: the last rows that are not empty.
fn reparented(snapshot: &Snapshot) -> Table {
    const MAX_REPARENTS: usize = 8;
    let columns = [
        titled("LEFT BY", "path"),
        figure("to_path"),
        figure("ago_ns"),
        figure("lru_pages"),
        figure("slab_objects"),
        figure("slab_bytes"),
    ];
    let rows: Vec<Left> = reparent::last(snapshot)
        .take(MAX_REPARENTS)
        .map(|one| Left {
            reparent: Reparent::from(one),
            ago_ns: snapshot.mono_ns.saturating_sub(one.time_ns),
        })
        .collect();
    let left_out = reparent::last(snapshot).count() - rows.len();
    Table::of(&columns, &rows, left_out)
}
