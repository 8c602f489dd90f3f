//! One answer to one question, as a JSON document.

mod callers;
mod compare;
mod empties;
mod incidents;
mod locks;
mod origins;
mod reclaim;
mod slab;
mod why;
mod zombies;

use std::borrow::Cow;

use serde::Serialize;

pub use callers::callers;
pub use compare::compare;
pub use empties::empties;
pub use incidents::incidents;
pub use locks::locks;
pub use origins::origins;
pub use reclaim::{reclaim, shrinkers};
pub use slab::{slab, slab_inside};
pub use why::why;
pub use zombies::{pins, zombies};

use super::figures::{Object, Value};
use super::records::{Envelope, Moment, Section, losses, sections};
use crate::model::snapshot::Snapshot;
use crate::sample::doctor::{Doctor, Verdict};
use crate::sample::recording::Host;
use crate::sample::{Loss, sanitized};
use crate::units;

/// The fields that every document has.
#[derive(Debug, Serialize)]
struct Document<'a, S, I> {
    summary: S,
    items: Vec<I>,
    not_checked: Vec<NotChecked<'a>>,
    sections: Vec<Section<'a>>,
    losses: Vec<Object<&'a Loss>>,
}

impl<S: Serialize, I: Value> Value for Document<'_, S, I> {
    fn schema() -> serde_json::Value {
        serde_json::json!({"type": "object", "properties": {"items": Vec::<I>::schema()}})
    }
}

/// Something that the answer could not check.
#[derive(Debug, Serialize)]
struct NotChecked<'a> {
    what: &'a str,
    reason: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
struct Summary {
    memcgs: Option<u64>,
    zombies: Option<u64>,
    lock_waits: Option<u64>,
    longest_wait_ns: Option<u64>,
}

/// The memory cgroups of a moment, in one line with its newline.
///
/// # Errors
/// Never for what a model made.
pub fn memcgs(snapshot: &Snapshot, host: &Host) -> serde_json::Result<Vec<u8>> {
    let waits = &snapshot.lock_waits;
    let summary = Summary {
        memcgs: snapshot.totals.memcgs,
        zombies: snapshot.totals.zombies,
        lock_waits: waits.is_known().then_some(waits.items.len() as u64),
        longest_wait_ns: waits.items.iter().map(|wait| wait.waited_ns).max(),
    };
    let document = Document {
        summary,
        items: snapshot.memcgs.items.iter().map(Object).collect(),
        not_checked: snapshot
            .absences()
            .map(absent)
            .chain(names(snapshot))
            .collect(),
        sections: sections(snapshot),
        losses: losses(snapshot),
    };
    of_snapshot("memcg", snapshot, host, document)
}

/// The names that could not be read.
fn names(snapshot: &Snapshot) -> impl Iterator<Item = NotChecked<'_>> {
    let lines = snapshot.names_not_read.iter();
    lines.map(|line| NotChecked {
        what: "names",
        reason: sanitized(line),
    })
}

/// Puts the document into its envelope.
fn of_snapshot(
    kind: &'static str,
    snapshot: &Snapshot,
    host: &Host,
    document: impl Value,
) -> serde_json::Result<Vec<u8>> {
    let time = units::time(snapshot.unix_ns);
    let moment = Moment {
        seq: 0,
        frame: snapshot.frame,
        time: &time,
        mono_ns: snapshot.mono_ns,
    };
    line(Envelope::new(kind, host, moment, document))
}

/// The parts of the list of memcgs that could not be checked.
fn memcg_gaps(snapshot: &Snapshot) -> Vec<NotChecked<'_>> {
    let memcgs = &snapshot.memcgs;
    let absent = memcgs.reason.as_deref().map(sanitized);
    let bound = memcgs
        .truncated_at
        .map(|bound| Cow::from(format!("the walk stopped after {bound}")));
    let reasons = [absent, bound].into_iter().flatten();
    let gaps = reasons.map(|reason| NotChecked {
        what: memcgs.name,
        reason,
    });
    gaps.chain(names(snapshot)).collect()
}

/// The capabilities of a host, in one line with its newline, as of `moment`.
///
/// # Errors
/// Never for what `doctor` found.
pub fn doctor(doctor: &Doctor, host: &Host, moment: Moment<'_>) -> serde_json::Result<Vec<u8>> {
    #[derive(Serialize)]
    struct DoctorSummary {
        verdict: Verdict,
    }
    let document = Document {
        summary: DoctorSummary {
            verdict: doctor.verdict,
        },
        items: vec![Object(doctor)],
        not_checked: Vec::new(),
        sections: Vec::new(),
        losses: Vec::new(),
    };
    line(Envelope::new("doctor", host, moment, document))
}

fn line(document: Envelope<'_, impl Value>) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Object(document))?;
    line.push(b'\n');
    Ok(line)
}

/// The entry of a section that is absent.
fn absent<'a>((what, reason): (&'static str, &'a str)) -> NotChecked<'a> {
    NotChecked {
        what,
        reason: sanitized(reason),
    }
}
