//! Figures of where zombies come from.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use super::MemcgName;
use crate::model::origins::{Origin, PinnedBy, Shared};
use crate::model::snapshot::{Action, Class};
use crate::output::figures::{Name, Object, Order, Row, Shown, Unit, Value, Visitor, Word, record};
use crate::output::{advice, names};
use crate::sample::pins::PinKind;

record! {
    /// Steps that free many of the group, together.
    pub struct SharedAdvice<'a> {
        /// Zombies of the group that have this advice.
        zombies: u64,
        /// References that it frees in all of these.
        frees_refs: u64,
        /// The steps, in order.
        steps: Vec<Step<'a>>,
    }
}

record! {
    /// A step.
    pub struct Step<'a> {
        /// What to do.
        action: Word<Action>,
        /// To what: a path, a process, an id.
        target: Name<'a>,
        /// The same as a command, or in words where there is none.
        command: String,
        /// The cost of the step for others.
        class: Word<Class>,
    }
}

impl<'a> From<&'a Shared> for SharedAdvice<'a> {
    fn from(shared: &'a Shared) -> Self {
        Self {
            zombies: shared.zombies,
            frees_refs: shared.steps.last().map_or(0, |step| step.frees.refs),
            steps: shared
                .steps
                .iter()
                .map(|step| Step {
                    action: Word(step.action),
                    target: Name::of(step.target.as_ref()),
                    command: advice::line(step),
                    class: Word(step.class),
                })
                .collect(),
        }
    }
}

/// The kind of pin of a group.
struct Kind(PinnedBy);

impl Kind {
    fn word(&self) -> Option<&'static str> {
        names::pinned_by(self.0)
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.word().serialize(serializer)
    }
}

impl Value for Kind {
    fn schema() -> Json {
        let mut schema = Option::<Word<PinKind>>::schema();
        if let Some(words) = schema["enum"].as_array_mut() {
            words.push(names::NOTHING_FOUND.into());
        }
        schema
    }
}

impl Shown for Kind {
    const IS_NUMBER: bool = false;

    fn show(&self, unit: Unit) -> String {
        self.word().map(Cow::Borrowed).show(unit)
    }

    fn order(&self) -> Order {
        self.word().map(Cow::Borrowed).order()
    }
}

impl Row for Origin {
    const MEANING: &'static str = "Zombies of one parent whose names have one shape, with the same kind of pin. What varies in \
         a name is `<n>` (a number), `<hex64>`, `<id13>`, `<uuid>`, `<date>` or `<name>`.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.field("parent", "Path of the parent, with what varies.", |row| {
            Name::of(Some(&row.parent))
        });
        to.field("shape", "The name, with what varies.", |row| {
            Name::of(Some(&row.name))
        });
        to.column("origin", "ORIGIN", "Parent and shape.", |row| {
            names::origin(&row.parent, &row.name)
        });
        to.figure("zombies", "ZOMBIES", "How many.", |row| row.zombies);
        to.figure(
            "pinned_by",
            "PINNED BY",
            "Kind of pin with the most references, or nothing_found; null if nobody asked.",
            |row| Kind(row.pinned_by),
        );
        to.figure(
            "own_cost_bytes",
            "COST",
            "Memory of the kernel that they take by themselves.",
            |row| row.own_cost_bytes,
        );
        to.figure(
            "kept_bytes",
            "KEEP",
            "Memory on their own LRU lists, which is charged to them.",
            |row| row.kept_bytes,
        );
        to.figure(
            "swap_entries",
            "SWAP",
            "Pages in swap that are charged to them.",
            |row| row.swap_entries,
        );
        to.field(
            "unmeasured",
            "Those of which one of these three figures is not known; the sums are without it.",
            |row| row.unmeasured,
        );
        to.figure(
            "first_dead_ns",
            "FIRST DEAD",
            "Time since the first of them went offline, of those that were seen to.",
            |row| row.first_dead_ns,
        );
        to.figure(
            "last_dead_ns",
            "LAST DEAD",
            "Time since the last of them went offline, of those that were seen to.",
            |row| row.last_dead_ns,
        );
        to.field(
            "died_unseen",
            "Those that nobody saw go offline: they were dead before.",
            |row| row.died_unseen,
        );
        to.figure(
            "alive",
            "ALIVE",
            "Live memory cgroups of the same parent and shape.",
            |row| row.alive,
        );
        to.field("oldest", "The one that was made first.", |row| {
            Object(MemcgName::of(Some(&row.oldest)))
        });
        to.field("newest", "The one that was made last.", |row| {
            Object(MemcgName::of(Some(&row.newest)))
        });
        to.field("sentence", "All of it in one line.", |row| {
            row.sentence.as_str()
        });
        to.field(
            "advice",
            "What would free many of them, the most first.",
            |row| {
                row.advice
                    .iter()
                    .map(SharedAdvice::from)
                    .collect::<Vec<_>>()
            },
        );
    }
}
