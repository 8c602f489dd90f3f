//! The records that programs read: field by field what the contract says, in its order.
//!
//! `null` is "not known here". `Name` sanitises every text that somebody else chose, and if that
//! changes the text, a `KEY_hex` beside it has the bytes. Fields that this version cannot fill are
//! always `null`; they are written all the same, since readers may rely on every field.

mod cache_contents;
mod callers;
mod changes;
mod compare;
mod deadlocks;
mod doctor;
mod dying;
mod empties;
mod history;
mod incidents;
mod known;
mod locks;
mod memcgs;
mod omitted;
mod origins;
mod pins;
mod reclaim;
mod shrinkers;
mod slab;
mod waits;
mod why;
mod workloads;
mod zombie_cost;

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value as Json;

pub(super) use cache_contents::Parent;
pub use cache_contents::{Objects, SlabInside};
pub use callers::SlabCaller;
pub use changes::{Base, Changed, Removed};
pub(super) use compare::Reduction;
pub use compare::{ComparedMemcg, Peaks};
pub use deadlocks::{Convoy, Deadlock, OpenEnd};
pub use dying::Dying;
pub(super) use dying::DyingCgroup;
pub use history::{Finding, Reparent};
pub use known::KnownBug;
pub(super) use memcgs::{Charged, Path};
pub use memcgs::{MEMCG_COLUMNS, MemcgName};
pub use omitted::Omitted;
pub(super) use pins::Pin;
pub use pins::Pins;
pub(super) use reclaim::{Stall, StalledTask};
pub(super) use slab::Reclaim;
pub(super) use waits::Waited;
pub use waits::{LockWait, Resource, Task};
pub use why::WhyStep;
pub use zombie_cost::ZombieCost;

use crate::model::snapshot::{self, Snapshot};
use crate::output::figures::{Object, Order, Row, Shown, Unit, Value, Visitor, Word, record};
use crate::output::spark;
use crate::sample::reclaim::Cause;
use crate::sample::recording::Host;
use crate::sample::{Loss, sanitized};

/// Number of bars of a row.
const BARS: usize = 10;

/// The version of the schema. Fields are added within a version, never changed.
pub const SCHEMA: u32 = 1;

/// The envelope of every record and document.
#[derive(Debug)]
pub struct Envelope<'a, T> {
    kind: &'static str,
    host: Cow<'a, str>,
    boot_id: Cow<'a, str>,
    moment: Moment<'a>,
    data: T,
}

impl<T: Value> Row for Envelope<'_, T> {
    const MEANING: &'static str = "A record, and where it stands in the run.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V)
    where
        Self: 'r,
    {
        to.field(
            "schema",
            "Grows if a figure is changed; figures are added within it.",
            |_| SCHEMA,
        );
        to.field("type", "What `data` is.", |row| row.kind);
        to.field("host", "Name of the host.", |row| &row.host);
        to.field("boot_id", "Which boot of it.", |row| &row.boot_id);
        to.field("seq", "Number of the record in the run.", |row| {
            row.moment.seq
        });
        to.field("frame", "Number of the snapshot in the run.", |row| {
            row.moment.frame
        });
        to.field("time", "When, RFC 3339.", |row| row.moment.time);
        to.field("mono_ns", "The same, CLOCK_MONOTONIC.", |row| {
            row.moment.mono_ns
        });
        to.field("data", "The record.", |row| &row.data);
    }
}

impl<'a, T> Envelope<'a, T> {
    /// Puts a record into its envelope.
    pub fn new(kind: &'static str, host: &'a Host, moment: Moment<'a>, data: T) -> Self {
        Self {
            kind,
            host: host.host.display(),
            boot_id: host.boot_id.display(),
            moment,
            data,
        }
    }
}

/// The place of a record in the run.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Number of the record in the run.
    pub seq: u64,
    /// Number of the snapshot in the run.
    pub frame: u64,
    /// Time of the snapshot, RFC 3339.
    pub time: &'a str,
    /// Time of the snapshot, CLOCK_MONOTONIC.
    pub mono_ns: u64,
}

record! {
    /// The last record of a snapshot: how it was made, and what it lacks.
    pub struct Frame<'a> {
        /// Records of the snapshot, without this one.
        records: u64,
        /// Time since the snapshot before; null for the first.
        interval_ns: Option<u64>,
        /// Where the figures come from.
        sections: Vec<Section<'a>>,
        /// What could not be counted.
        losses: Vec<Object<&'a Loss>>,
        /// State files that could not be read, and why, a line each: names may be missing.
        names_not_read: Vec<Cow<'a, str>>,
    }
}

impl<'a> Frame<'a> {
    /// The last record of a snapshot of so many records.
    #[must_use]
    pub fn of(snapshot: &'a Snapshot, records: u64) -> Self {
        Self {
            records,
            interval_ns: snapshot.interval_ns,
            sections: sections(snapshot),
            losses: losses(snapshot),
            names_not_read: snapshot
                .names_not_read
                .iter()
                .map(|line| sanitized(line))
                .collect(),
        }
    }
}

record! {
    /// Where figures come from, and how old they are.
    pub struct Section<'a> {
        /// Name of the section.
        name: &'a str,
        /// Way in which it was read; `absent` if it was not.
        source: Word<snapshot::Source>,
        /// The time at which it was read, CLOCK_MONOTONIC.
        as_of_ns: Option<u64>,
        /// Time that reading took.
        took_ns: Option<u64>,
        /// Things looked at.
        visited: Option<u64>,
        /// Set where a bound stopped it after so many things.
        truncated_at: Option<u64>,
    }
}

impl<'a> Section<'a> {
    /// The record of one section.
    #[must_use]
    pub fn of<T>(section: &'a snapshot::Section<T>) -> Self {
        Self {
            name: section.name,
            source: Word(section.source),
            as_of_ns: section.as_of_ns,
            took_ns: section.took_ns,
            visited: section.visited,
            truncated_at: section.truncated_at,
        }
    }
}

/// The sections of a snapshot.
#[must_use]
pub fn sections(snapshot: &Snapshot) -> Vec<Section<'_>> {
    vec![
        Section::of(&snapshot.memcgs),
        Section::of(&snapshot.slab),
        Section::of(&snapshot.slab_caches),
        Section::of(&snapshot.slab_inside),
        Section::of(&snapshot.shrinkers),
        Section::of(&snapshot.reclaim),
        Section::of(&snapshot.lock_waits),
        Section::of(&snapshot.zombie_cost),
        Section::of(&snapshot.waits),
        Section::of(&snapshot.pins),
        Section::of(&snapshot.reparents),
        Section::of(&snapshot.findings),
    ]
}

impl Row for Loss {
    const MEANING: &'static str = "Things that could not be counted.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.field("where", "Where they were lost.", |row| {
            sanitized(&row.place)
        });
        to.field(
            "lost_total",
            "How many since the start; null where the kernel does not say.",
            |row| row.lost_total,
        );
    }
}

/// The losses since the start.
#[must_use]
pub fn losses(snapshot: &Snapshot) -> Vec<Object<&Loss>> {
    snapshot.losses.iter().map(Object).collect()
}

/// Why memory is reclaimed; `null` in records where that is not known.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReclaimCause(pub(super) Cause);

impl ReclaimCause {
    fn known(self) -> Option<Word<Cause>> {
        (self.0 != Cause::Unknown).then_some(Word(self.0))
    }
}

impl Serialize for ReclaimCause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.known().serialize(serializer)
    }
}

impl Value for ReclaimCause {
    fn schema() -> Json {
        let mut schema = Option::<Word<Cause>>::schema();
        if let Some(words) = schema["enum"].as_array_mut() {
            words.retain(|word| *word != <&str>::from(Cause::Unknown));
        }
        schema
    }
}

impl Shown for ReclaimCause {
    const IS_NUMBER: bool = false;

    fn show(&self, unit: Unit) -> String {
        self.known().show(unit)
    }

    fn order(&self) -> Order {
        Word(self.0).order()
    }
}

/// A figure in each of the last intervals, as bars.
struct Recent<'a>(&'a [u64]);

impl Shown for Recent<'_> {
    const IS_NUMBER: bool = false;

    fn show(&self, _: Unit) -> String {
        spark::line(self.0, BARS)
    }

    fn order(&self) -> Order {
        Order::Each(self.0.iter().map(Shown::order).collect())
    }
}
