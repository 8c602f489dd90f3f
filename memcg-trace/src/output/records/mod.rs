//! The records that programs read: field by field what the contract says, in its order.
//!
//! `null` is "not known here". Every text that was chosen by someone else goes through
//! `Name`, and where that changes it, a `KEY_hex` beside it has the bytes. Fields that this
//! version cannot fill are always `null`; they are written all the same, since readers may
//! count on every field being there.

mod deadlocks;
mod dying;
mod history;
mod inside;
mod locks;
mod memcgs;
mod pins;
mod reclaim;
mod slab;
mod tax;
mod waits;

use std::borrow::Cow;

use serde::Serialize;

pub use deadlocks::{Convoy, Deadlock, OpenEnd};
pub use dying::Dying;
pub use history::{Finding, Reparent};
pub use inside::{Objects, SlabInside};
pub use locks::LockStats;
pub use memcgs::{Memcg, MemcgName, Shrinker, Zombie};
pub(in crate::output) use pins::PAGE_BYTES;
pub use pins::Pins;
pub use reclaim::Reclaim;
pub use slab::{Inherited, Reclaimable, Slab, SlabCache};
pub use tax::Tax;
pub use waits::{LockWait, Resource};

use crate::model::snapshot::{self, Snapshot};
use crate::sample::recording::Host;
use crate::sample::{Text, tame};

/// The schema that these records follow. Fields are added within it, never changed.
pub const SCHEMA: u32 = 1;

/// Every record, and every document.
#[derive(Debug, Serialize)]
pub struct Envelope<'a, T> {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What `data` is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Name of the host.
    pub host: Cow<'a, str>,
    /// Which boot of it.
    pub boot_id: Cow<'a, str>,
    /// Number of the record in the run.
    pub seq: u64,
    /// Number of the snapshot in the run.
    pub frame: u64,
    /// When, RFC 3339.
    pub time: &'a str,
    /// The same, CLOCK_MONOTONIC.
    pub mono_ns: u64,
    /// The record.
    pub data: T,
}

impl<'a, T> Envelope<'a, T> {
    /// Puts a record into its envelope.
    pub fn new(kind: &'static str, host: &'a Host, moment: Moment<'a>, data: T) -> Self {
        Self {
            schema: SCHEMA,
            kind,
            host: host.host.display(),
            boot_id: host.boot_id.display(),
            seq: moment.seq,
            frame: moment.frame,
            time: moment.time,
            mono_ns: moment.mono_ns,
            data,
        }
    }
}

/// Where a record stands in the run.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// See [`Envelope::seq`].
    pub seq: u64,
    /// See [`Envelope::frame`].
    pub frame: u64,
    /// See [`Envelope::time`].
    pub time: &'a str,
    /// See [`Envelope::mono_ns`].
    pub mono_ns: u64,
}

/// A text that was chosen by someone else, and its bytes where they cannot be shown.
pub(in crate::output) struct Name<'a> {
    pub(in crate::output) text: Option<Cow<'a, str>>,
    pub(in crate::output) hex: Option<String>,
}

impl<'a> Name<'a> {
    pub(in crate::output) fn of(text: Option<&'a Text>) -> Self {
        Self {
            text: text.map(Text::display),
            hex: text.and_then(Text::hex),
        }
    }

    /// One that was made up for this record.
    fn made(text: &Text) -> Self {
        Self {
            text: Some(Cow::Owned(text.display().into_owned())),
            hex: text.hex(),
        }
    }
}

/// The last record of a snapshot: how it was made, and what it lacks.
#[derive(Debug, Serialize)]
pub struct Frame<'a> {
    records: u64,
    interval_ns: Option<u64>,
    sections: Vec<Section<'a>>,
    losses: Vec<Loss<'a>>,
}

impl<'a> Frame<'a> {
    /// The end of a snapshot of which so many records were written.
    #[must_use]
    pub fn of(snapshot: &'a Snapshot, records: u64) -> Self {
        Self {
            records,
            interval_ns: snapshot.interval_ns,
            sections: sections(snapshot),
            losses: losses(snapshot),
        }
    }
}

/// Where figures come from, and how old they are.
#[derive(Debug, Serialize)]
pub struct Section<'a> {
    name: &'a str,
    source: &'static str,
    as_of_ns: Option<u64>,
    took_ns: Option<u64>,
    visited: Option<u64>,
    truncated_at: Option<u64>,
}

impl<'a> Section<'a> {
    /// Of one section.
    #[must_use]
    pub fn of<T>(section: &'a snapshot::Section<T>) -> Self {
        Self {
            name: section.name,
            source: match section.source {
                snapshot::Source::Walk => "walk",
                snapshot::Source::Event => "event",
                snapshot::Source::Absent => "absent",
            },
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
        Section::of(&snapshot.tax),
        Section::of(&snapshot.waits),
        Section::of(&snapshot.pins),
        Section::of(&snapshot.reparents),
        Section::of(&snapshot.findings),
    ]
}

/// Things that could not be counted.
#[derive(Debug, Serialize)]
pub struct Loss<'a> {
    #[serde(rename = "where")]
    place: Cow<'a, str>,
    lost_total: Option<u64>,
}

/// What was lost since the start.
#[must_use]
pub fn losses(snapshot: &Snapshot) -> Vec<Loss<'_>> {
    let losses = snapshot.losses.iter();
    losses
        .map(|loss| Loss {
            place: tame(&loss.place),
            lost_total: loss.lost_total,
        })
        .collect()
}

/// A rate with no more digits than it is good for.
pub(in crate::output) fn rounded(rate: Option<f64>) -> Option<f64> {
    rate.map(|rate| (rate * 1e3).round() / 1e3)
}

/// A kernel address, which JSON's numbers cannot hold.
fn address(addr: u64) -> String {
    format!("{addr:#x}")
}
