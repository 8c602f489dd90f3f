//! Figures of live memory cgroups without tasks.

use super::MemcgName;
use crate::model::abandoned::{Empty, Since};
use crate::output::figures::{Name, Object, Row, Visitor, Word};
use crate::output::names;
use crate::units;

/// A time in words: `at least 3m10s`.
pub(in crate::output) fn since(since: Option<Since>) -> String {
    match since {
        Some(since) if since.at_least => {
            format!("at least {}", units::duration(Some(since.ns)))
        }
        since => units::duration(since.map(|since| since.ns)),
    }
}

impl Row for Empty {
    const MEANING: &'static str = "Live memory cgroups without a task in or below them, of one parent, one shape of names and \
         one class.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.field("parent", "Path of the parent, with what varies.", |row| {
            Name::of(Some(&row.parent))
        });
        to.field("shape", "The name, with what varies.", |row| {
            Name::of(Some(&row.name))
        });
        to.column("origin", "EMPTY", "Parent and shape.", |row| {
            names::origin(&row.parent, &row.name)
        });
        to.figure(
            "class",
            "CLASS",
            "abandoned: nobody was found that uses it, and it is charged; uncharged; young: made \
             just now, or of an age that is not known; parent: live ones are below it; in_use: \
             somebody watches it, has it open, or mounted it; by_design: a unit without tasks; \
             not_checked.",
            |row| Word(row.class),
        );
        to.figure("cgroups", "CGROUPS", "How many.", |row| row.cgroups);
        to.figure(
            "usage_bytes",
            "USAGE",
            "Memory that is charged to them; that of parents has what is below.",
            |row| row.usage_bytes,
        );
        to.figure("slab_bytes", "SLAB", "Slab of that.", |row| row.slab_bytes);
        to.figure(
            "least_age_ns",
            "AT LEAST SO OLD",
            "The least time that each of them exists; null if that of one is not known.",
            |row| row.least_age_ns,
        );
        to.field(
            "empty_ns",
            "How long the last of them has been empty, as far as was seen.",
            |row| row.empty_for.map(|since| since.ns),
        );
        to.field(
            "empty_at_least",
            "Whether it may be longer: no walk saw tasks in it.",
            |row| row.empty_for.map(|since| since.at_least),
        );
        to.column(
            "empty_for",
            "EMPTY FOR",
            "How long the last of them has been empty.",
            |row| since(row.empty_for),
        );
        to.field(
            "with_tasks",
            "Live ones of the same parent and shape that have tasks.",
            |row| row.with_tasks,
        );
        to.field(
            "live_below",
            "Live cgroups below them, with the memory controller or without: rmdir fails while \
             there are some; null if that of one is not known.",
            |row| row.live_below,
        );
        to.field("oldest", "The one that was made first.", |row| {
            Object(MemcgName::of(Some(&row.oldest)))
        });
        to.field("largest", "The one to which most is charged.", |row| {
            Object(MemcgName::of(Some(&row.largest.id)))
        });
        to.field("sentence", "All of it in one line.", |row| {
            row.sentence.as_str()
        });
        to.field(
            "commands",
            "What would free the largest, in order; only of the abandoned ones.",
            |row| row.commands.as_slice(),
        );
    }
}
