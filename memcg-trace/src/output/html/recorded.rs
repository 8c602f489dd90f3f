//! The host, the span and the cause of a recording, and its gaps.

use maud::{Markup, html};

use super::gathered::Gathered;
use super::of::Of;
use crate::model::snapshot::Snapshot;
use crate::output::{locks, report, summary};
use crate::sample::sanitized;
use crate::units;

/// The host and its kernel.
pub(super) fn host(gathered: &Gathered, of: &Of<'_>) -> Markup {
    let facts = report::facts(&gathered.last, of.host);
    html! {
        dl class="facts" { @for (name, value) in &facts { dt { (name) } dd { (value) } } }
    }
}

/// The span of time, and why it was recorded.
pub(super) fn span(gathered: &Gathered, of: &Of<'_>) -> Markup {
    let clock = gathered.clock();
    let (first_ns, last_ns) = (gathered.first.mono_ns, gathered.last.mono_ns);
    let span_ns = last_ns.saturating_sub(first_ns);
    html! {
        p {
            "From " (clock.at(first_ns)) " to " (clock.at(last_ns)) ", "
            (units::duration(Some(span_ns))) ", in "
            (units::things(gathered.snapshots, "snapshot")) "."
        }
        @if let Some(cgroup) = of.cgroup {
            p { "Only " (cgroup.display()) " and what is below it." }
        }
        @if let Some(incident) = of.incident {
            p {
                "Recorded because of an incident (" (incident.cause.as_str()) ") at "
                (clock.at(incident.mono_ns))
                @if !incident.sentence.is_empty() { ": " (sanitized(&incident.sentence)) }
            }
        }
    }
}

/// The losses, and the gaps that the last snapshot names.
pub(super) fn gaps(gathered: &Gathered) -> Markup {
    let last = &gathered.last;
    let gaps = summary::absences(last).into_iter();
    let gaps: Vec<String> = gaps.chain(locks::not_checked(last)).collect();
    html! {
        p { (summary::lost(last)) ", as of the end." }
        @if last.losses.is_empty() { p { "No counter of losses was read." } }
        @else {
            div class="scroll" role="group" tabindex="0" aria-labelledby="losses-title" {
                table {
                    thead { tr {
                        th scope="col" { "Place" }
                        th scope="col" class="figure" { "At first" }
                        th scope="col" class="figure" { "At the end" }
                    } }
                    tbody { @for loss in &*last.losses { tr {
                        th scope="row" { (sanitized(&loss.place)) }
                        td class="figure" { (units::count(lost_at(&gathered.first, &loss.place))) }
                        td class="figure" { (units::count(loss.lost_total)) }
                    } } }
                }
            }
        }
        h3 { "What was not looked at" }
        @if gaps.is_empty() { p { "The last snapshot names nothing." } }
        @else { ul { @for gap in &gaps { li { (gap) } } } }
    }
}

fn lost_at(snapshot: &Snapshot, place: &str) -> Option<u64> {
    let mut losses = snapshot.losses.iter();
    losses.find(|loss| loss.place == place)?.lost_total
}
