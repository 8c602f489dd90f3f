//! The document of waits and deadlocks.

use std::borrow::Cow;

use serde::Serialize;

use super::{Document, NotChecked, of_snapshot};
use crate::deadlock::State;
use crate::model::known::About;
use crate::model::snapshot::{LockStats, Snapshot};
use crate::output::figures::{Object, Value};
use crate::output::records::{Convoy, Deadlock, KnownBug, LockWait, OpenEnd, Section, losses};
use crate::sample::recording::Host;
use crate::sample::sanitized;
use crate::units;

#[derive(Debug, Serialize)]
struct LocksSummary {
    /// `deadlock`, `undecided` or `no_deadlock`.
    verdict: Option<&'static str>,
    undecided_waits: Option<u64>,
    confirmed: Option<u64>,
    suspected: Option<u64>,
    resolved: Option<u64>,
    convoys: Option<u64>,
    convoys_omitted: Option<u64>,
    waits: Option<u64>,
    judged_waits: Option<u64>,
    user_space_rings: Option<u64>,
    min_wait_ns: Option<u64>,
    looks: Option<u64>,
    visited_tasks: Option<u64>,
    took_ns: Option<u64>,
    known_bugs: Vec<KnownBug<'static>>,
}

/// Everything known of the waits, each part under the name of its record.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum LocksItem<'a> {
    Deadlock(Box<Deadlock<'a>>),
    OpenEnd(Box<OpenEnd<'a>>),
    Convoy(Box<Convoy<'a>>),
    LockWait(Box<LockWait<'a>>),
    LockStats(Object<&'a LockStats>),
}

impl Value for LocksItem<'_> {
    fn schema() -> serde_json::Value {
        serde_json::json!({"type": "object"})
    }
}

/// Waits and their causes: deadlocks first, then undecided waits, the reasons of the other waits,
/// and all waits.
///
/// # Errors
/// Never for what a model made.
pub fn locks(snapshot: &Snapshot, host: &Host) -> serde_json::Result<Vec<u8>> {
    let judged = snapshot.judged.as_deref();
    let count = |state| {
        let deadlocks = snapshot.deadlocks.items.iter();
        let those = deadlocks.filter(|one| one.found.state == state);
        judged.map(|_| those.count() as u64)
    };
    let deadlocks = snapshot.deadlocks.items.iter().map(Deadlock::from);
    let open_ends = judged.into_iter().flat_map(|judged| &judged.open_ends);
    let open_ends = open_ends.map(OpenEnd::from);
    let convoys = snapshot.convoys.items.iter().map(Convoy::from);
    let waits = snapshot.waits.items.iter().filter_map(LockWait::found);
    let stats = snapshot.lock_stats.items.iter().map(Object);
    let items = (deadlocks.map(|one| LocksItem::Deadlock(Box::new(one))))
        .chain(open_ends.map(|one| LocksItem::OpenEnd(Box::new(one))))
        .chain(convoys.map(|one| LocksItem::Convoy(Box::new(one))))
        .chain(waits.map(|one| LocksItem::LockWait(Box::new(one))))
        .chain(stats.map(LocksItem::LockStats));
    let document = Document {
        summary: LocksSummary {
            verdict: judged.map(|judged| judged.outcome.as_str()),
            undecided_waits: judged.map(|judged| judged.undecided_waits),
            confirmed: count(State::Confirmed),
            suspected: count(State::Suspected),
            resolved: count(State::Resolved),
            convoys: judged.map(|_| snapshot.convoys.items.len() as u64),
            convoys_omitted: judged.map(|judged| judged.convoys_omitted),
            waits: judged.map(|_| snapshot.waits.items.len() as u64),
            judged_waits: judged.map(|judged| judged.judged_waits),
            user_space_rings: judged.map(|judged| judged.user_space_rings),
            min_wait_ns: judged.map(|judged| judged.min_wait_ns),
            looks: judged.map(|judged| judged.looks),
            visited_tasks: judged.map(|judged| judged.visited_tasks),
            took_ns: snapshot.waits.took_ns,
            known_bugs: KnownBug::seen_in(snapshot, About::Waits),
        },
        items: items.collect(),
        not_checked: locks_gaps(snapshot),
        sections: vec![
            Section::of(&snapshot.waits),
            Section::of(&snapshot.lock_waits),
            Section::of(&snapshot.memcgs),
        ],
        losses: losses(snapshot),
    };
    of_snapshot("locks", snapshot, host, document)
}

/// The parts that an answer about waits could not check.
fn locks_gaps(snapshot: &Snapshot) -> Vec<NotChecked<'_>> {
    let waits = &snapshot.waits;
    let absent = waits.reason.as_deref().map(sanitized);
    let bound = waits.truncated_at.map(|bound| {
        Cow::from(format!(
            "the walk stopped after {}",
            units::things(bound, "task")
        ))
    });
    let whole = absent.into_iter().chain(bound).map(|reason| NotChecked {
        what: waits.name,
        reason,
    });
    let parts = snapshot
        .judged
        .iter()
        .flat_map(|judged| &judged.not_checked);
    let parts = parts.map(|one| NotChecked {
        what: &one.what,
        reason: sanitized(&one.reason),
    });
    whole.chain(parts).collect()
}
