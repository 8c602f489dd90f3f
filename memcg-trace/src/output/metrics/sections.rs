//! Metrics of how a snapshot was made: its time, its sections, its losses.

use super::family::{Families, Labels, Number, count, label, seconds};
use super::figure::{number, text};
use crate::model::snapshot::Snapshot;
use crate::output::records::{Section, sections};
use crate::sample::sanitized;

/// Adds the time of the snapshot, the age of each of its sections, and what was lost.
pub(super) fn add(to: &mut Families, snapshot: &Snapshot) {
    let unix_ns = u64::try_from(snapshot.unix_ns).ok();
    to.one(
        "memcg_trace_snapshot_timestamp_seconds",
        "When the last snapshot was taken, since 1970.",
        seconds(unix_ns),
    );
    to.one(
        "memcg_trace_snapshots_total",
        "Snapshots so far.",
        count(snapshot.frame.checked_add(1)),
    );
    let sections = sections(snapshot);
    let of = |value: &dyn Fn(&Section<'_>) -> Option<Number>| {
        let each = sections.iter();
        each.map(|section| (name(section), value(section)))
            .collect::<Vec<_>>()
    };
    let flag = |is: bool| Some(Number::Count(is.into()));
    to.add(
        "memcg_trace_section_known",
        "1 for a section that was read; the figures of one that was not are missing, not 0.",
        of(&|section| {
            let source = text(section, "source");
            flag(source.is_some_and(|(source, _)| source != "absent"))
        }),
    );
    to.add(
        "memcg_trace_section_age_seconds",
        "How long before the snapshot it was read.",
        of(&|section| {
            let as_of = number(section, "as_of_ns")?.as_f64();
            let now = seconds(Some(snapshot.mono_ns))?.as_f64();
            Some(Number::Real((now - as_of).max(0.0)))
        }),
    );
    to.add(
        "memcg_trace_section_read_seconds",
        "How long reading it took.",
        of(&|section| number(section, "took_ns")),
    );
    to.add(
        "memcg_trace_section_truncated",
        "1 for a section that a bound stopped: its figures are of a part.",
        of(&|section| flag(number(section, "truncated_at").is_some())),
    );
    losses(to, snapshot);
}

fn name(section: &Section<'_>) -> Labels {
    let name = text(section, "name");
    label("section", &name.map(|(name, _)| name).unwrap_or_default())
}

fn losses(to: &mut Families, snapshot: &Snapshot) {
    let losses = snapshot.losses.iter();
    to.add(
        "memcg_trace_lost_total",
        "What could not be counted, by where it was lost.",
        losses.map(|loss| {
            (
                label("where", &sanitized(&loss.place)),
                count(loss.lost_total),
            )
        }),
    );
    let unknown = snapshot.losses.iter();
    let unknown = unknown.filter(|loss| loss.lost_total.is_none()).count();
    to.one(
        "memcg_trace_losses_unknown",
        "Places where this kernel does not say what was lost.",
        count(Some(unknown as u64)),
    );
    let counted = &snapshot.counted;
    let counted = [
        ("slab", counted.slab),
        ("shrinkers", counted.shrinkers),
        ("reclaim", counted.reclaim),
        ("locks", counted.locks),
    ];
    to.add(
        "memcg_trace_counted_total",
        "What was counted, to compare the losses with.",
        counted.map(|(what, number)| (label("what", what), count(Some(number)))),
    );
}
