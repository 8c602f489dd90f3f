//! The report of `doctor` as a record.

use crate::output::figures::{Object, Row, Visitor, Word};
use crate::sample::doctor::{Doctor, Fact, Hook, Tried};

impl Row for Doctor {
    const MEANING: &'static str = "What can be traced on a host.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.field(
            "verdict",
            "The part of all subjects that can be traced.",
            |row| Word(row.verdict),
        );
        to.field("facts", "What was found.", |row| objects(&row.facts));
        to.field("hooks", "What would be attached.", |row| {
            objects(&row.hooks)
        });
    }
}

fn objects<R: Row>(rows: &[R]) -> Vec<Object<&R>> {
    rows.iter().map(Object).collect()
}

impl Row for Fact {
    const MEANING: &'static str = "One thing that tracing depends on.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.field("name", "Its name.", |row| &row.name);
        to.field("value", "What was found.", |row| &row.value);
        to.field(
            "ok",
            "Whether it is as it should be; null if that is not known, of a kernel by its files.",
            |row| row.ok,
        );
        to.field(
            "costs",
            "What is lost if it is not; empty if nothing.",
            |row| &row.costs,
        );
        to.field(
            "fix",
            "What can be done about it; empty if nothing.",
            |row| &row.fix,
        );
    }
}

impl Row for Hook {
    const MEANING: &'static str = "One thing to observe, and by which of its variants.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.field("fact", "What is observed.", |row| &row.fact);
        to.field(
            "chosen",
            "The variant that serves; null if none does.",
            |row| &row.chosen,
        );
        to.field("tried", "The variants in order of preference.", |row| {
            objects(&row.tried)
        });
        to.field(
            "blind_to",
            "What it does not see; null if it sees everything.",
            |row| &row.blind_to,
        );
    }
}

impl Row for Tried {
    const MEANING: &'static str = "A variant of a hook.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.field("variant", "Its name.", |row| &row.variant);
        to.field("error", "Why it does not serve.", |row| &row.error);
    }
}
