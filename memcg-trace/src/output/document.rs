//! One answer to one question, as a JSON document.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::ndjson_peaks::Last;
use super::records::{
    Convoy, Deadlock, Envelope, Finding, Inherited, LockStats, LockWait, Loss, Memcg, Moment,
    Objects, Pins, Reclaim, Reclaimable, Reparent, Section, Shrinker, Slab, SlabCache, SlabInside,
    Tax, Zombie, losses, rounded, sections,
};
use super::{compare as compare_text, slab as slab_text};
use crate::deadlock::State;
use crate::model::compare;
use crate::model::slab_list;
use crate::model::snapshot::{self, Phase, Snapshot};
use crate::model::zombies;
use crate::sample::doctor::{Doctor, Verdict};
use crate::sample::recording::Host;
use crate::sample::slab_inside::ObjectKind;
use crate::sample::tame;
use crate::units;

/// What every document has.
#[derive(Debug, Serialize)]
struct Document<'a, S, I> {
    summary: S,
    items: Vec<I>,
    not_checked: Vec<NotChecked<'a>>,
    sections: Vec<Section<'a>>,
    losses: Vec<Loss<'a>>,
}

/// Something that the answer leaves open.
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
        items: snapshot.memcgs.items.iter().map(Memcg::from).collect(),
        not_checked: not_checked(snapshot),
        sections: sections(snapshot),
        losses: losses(snapshot),
    };
    of_snapshot("memcg", snapshot, host, document)
}

/// The document in its envelope.
fn of_snapshot(
    kind: &'static str,
    snapshot: &Snapshot,
    host: &Host,
    document: impl Serialize,
) -> serde_json::Result<Vec<u8>> {
    let time = units::time(snapshot.unix_ns);
    let moment = Moment {
        seq: 0,
        frame: snapshot.frame,
        time: &time,
        mono_ns: snapshot.mono_ns,
    };
    line(&Envelope::new(kind, host, moment, document))
}

#[derive(Debug, Serialize)]
struct ZombieSummary<'a> {
    memcgs: Option<u64>,
    zombies: Option<u64>,
    by_phase: Option<BTreeMap<&'static str, u64>>,
    tax: Tax,
    findings: Vec<Finding<'a>>,
    reparents: Vec<Reparent<'a>>,
}

/// The zombies of a moment, in the order that they are given in.
///
/// # Errors
/// Never for what a model made.
pub fn zombies(
    snapshot: &Snapshot,
    zombies: &[zombies::Zombie],
    host: &Host,
) -> serde_json::Result<Vec<u8>> {
    let totals = &snapshot.totals;
    let phases = Phase::ALL.map(Phase::as_str).into_iter();
    let document = Document {
        summary: ZombieSummary {
            memcgs: totals.memcgs,
            zombies: totals.zombies,
            by_phase: totals
                .zombies
                .map(|_| phases.zip(totals.by_phase).collect()),
            tax: Tax::of(snapshot),
            findings: snapshot.findings.items.iter().map(Finding::from).collect(),
            reparents: snapshot
                .reparents
                .items
                .iter()
                .map(Reparent::from)
                .collect(),
        },
        items: zombies.iter().map(Zombie::from).collect(),
        not_checked: census_gaps(snapshot),
        sections: vec![Section::of(&snapshot.memcgs)],
        losses: losses(snapshot),
    };
    of_snapshot("zombie", snapshot, host, document)
}

#[derive(Debug, Serialize)]
struct PinsSummary<'a> {
    zombies: Option<u64>,
    answered: u64,
    /// Zombies whose references were all found.
    explained: u64,
    visited_pages: Option<u64>,
    visited_objects: Option<u64>,
    all_pages_because: Option<Cow<'a, str>>,
    can_reclaim: Option<bool>,
    free_swap_bytes: Option<u64>,
}

/// Who pins some zombies of a moment; `open` is what that leaves open.
///
/// # Errors
/// Never for what a model made.
pub fn pins(
    snapshot: &Snapshot,
    items: &[&snapshot::Pins],
    open: &[String],
    host: &Host,
) -> serde_json::Result<Vec<u8>> {
    let looks = items.iter().map(|pins| &pins.look);
    let look = looks.max_by_key(|look| look.end_ns);
    let explained = items.iter().filter(|pins| pins.unexplained_refs == Some(0));
    let mut not_checked = census_gaps(snapshot);
    not_checked.extend(open.iter().map(|reason| NotChecked {
        what: "pins",
        reason: tame(reason),
    }));
    let document = Document {
        summary: PinsSummary {
            zombies: snapshot.totals.zombies,
            answered: items.len() as u64,
            explained: explained.count() as u64,
            visited_pages: look.map(|look| look.visited_pages),
            visited_objects: look.map(|look| look.visited_objects),
            all_pages_because: look.and_then(|look| look.all_pages_because.as_deref().map(tame)),
            can_reclaim: look.and_then(|look| look.can_reclaim),
            free_swap_bytes: look.and_then(|look| look.free_swap_bytes),
        },
        items: items.iter().map(|item| Pins::from(*item)).collect(),
        not_checked,
        sections: vec![Section::of(&snapshot.memcgs), Section::of(&snapshot.pins)],
        losses: losses(snapshot),
    };
    of_snapshot("pins", snapshot, host, document)
}

#[derive(Debug, Serialize)]
struct LocksSummary {
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
}

/// What is known of waits, each under the name of its record.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum LocksItem<'a> {
    Deadlock(Box<Deadlock<'a>>),
    Convoy(Box<Convoy<'a>>),
    LockWait(Box<LockWait<'a>>),
    LockStats(Box<LockStats<'a>>),
}

/// Who waits for whom: deadlocks first, then why the other waits last, then the waits.
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
    let convoys = snapshot.convoys.items.iter().map(Convoy::from);
    let waits = snapshot.waits.items.iter().filter_map(LockWait::found);
    let stats = snapshot.lock_stats.items.iter().map(LockStats::from);
    let items = (deadlocks.map(|one| LocksItem::Deadlock(Box::new(one))))
        .chain(convoys.map(|one| LocksItem::Convoy(Box::new(one))))
        .chain(waits.map(|one| LocksItem::LockWait(Box::new(one))))
        .chain(stats.map(|one| LocksItem::LockStats(Box::new(one))));
    let document = Document {
        summary: LocksSummary {
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

/// What an answer about waits leaves open.
fn locks_gaps(snapshot: &Snapshot) -> Vec<NotChecked<'_>> {
    let waits = &snapshot.waits;
    let absent = waits.reason.as_deref().map(tame);
    let bound = waits
        .truncated_at
        .map(|bound| Cow::from(format!("the walk stopped after {bound} tasks")));
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
        reason: tame(&one.reason),
    });
    whole.chain(parts).collect()
}

#[derive(Debug, Serialize)]
struct SlabSummary<'a> {
    slab_pages: u64,
    slab_bytes: u64,
    live_objects: u64,
    live_bytes: u64,
    utilization: Option<f64>,
    freeable_pages: u64,
    unaccounted_objects: u64,
    unaccounted_bytes: u64,
    unaccounted_share_bytes: u64,
    changed_slabs: u64,
    large_kmalloc_pages: Option<u64>,
    #[serde(flatten)]
    reclaim: Reclaimable,
    unknown_reclaim_bytes: u64,
    caches: Vec<SlabCache<'a>>,
    inherited: Vec<Inherited<'a>>,
}

/// The last walk of all slabs: rows by memcg and cache, and caches, in the order that they are
/// given in.
///
/// # Errors
/// Never for what a model made.
pub fn slab(
    snapshot: &Snapshot,
    held: &[&snapshot::Slab],
    caches: &[&snapshot::SlabCache],
    totals: &slab_list::Totals,
    host: &Host,
) -> serde_json::Result<Vec<u8>> {
    let mut not_checked = census_gaps(snapshot);
    let gaps = slab_text::gaps(snapshot, totals).into_iter();
    not_checked.extend(gaps.map(|gap| NotChecked {
        what: snapshot.slab_caches.name,
        reason: Cow::from(gap),
    }));
    let inherited = snapshot.inherited.items.iter();
    let document = Document {
        summary: SlabSummary {
            slab_pages: totals.slab_pages,
            slab_bytes: totals.slab_bytes,
            live_objects: totals.live_objects,
            live_bytes: totals.live_bytes,
            utilization: rounded(totals.utilization()),
            freeable_pages: totals.freeable_pages,
            unaccounted_objects: totals.unaccounted_objects,
            unaccounted_bytes: totals.unaccounted_bytes,
            unaccounted_share_bytes: totals.unaccounted_share_bytes,
            changed_slabs: totals.changed_slabs,
            large_kmalloc_pages: snapshot.large_kmalloc_pages,
            reclaim: Some(totals.reclaim).into(),
            unknown_reclaim_bytes: totals.unknown_reclaim_bytes,
            caches: caches.iter().map(|row| SlabCache::from(*row)).collect(),
            inherited: inherited.map(Inherited::from).collect(),
        },
        items: held.iter().map(|row| Slab::from(*row)).collect(),
        not_checked,
        sections: vec![
            Section::of(&snapshot.memcgs),
            Section::of(&snapshot.slab_caches),
        ],
        losses: losses(snapshot),
    };
    of_snapshot("slab", snapshot, host, document)
}

#[derive(Debug, Serialize)]
struct InsideSummary<'a> {
    cache: Option<Cow<'a, str>>,
    kind: ObjectKind,
    size_bytes: u32,
    #[serde(flatten)]
    states: Objects,
    bytes: u64,
    unread_objects: u64,
}

/// What the objects of a cache are; `gaps` is what that leaves open.
///
/// # Errors
/// Never for what a model made.
pub fn slab_inside(
    snapshot: &Snapshot,
    inside: &snapshot::Inside,
    gaps: Vec<String>,
    host: &Host,
) -> serde_json::Result<Vec<u8>> {
    let mut not_checked = census_gaps(snapshot);
    not_checked.extend(gaps.into_iter().map(|gap| NotChecked {
        what: snapshot.slab_inside.name,
        reason: Cow::from(gap),
    }));
    let states = inside.states();
    let rows = inside.rows.iter();
    let document = Document {
        summary: InsideSummary {
            cache: Some(inside.cache.display()),
            kind: inside.kind,
            size_bytes: inside.size_bytes,
            states: Objects::of(&states, inside.kind),
            bytes: inside.bytes(states.objects()),
            unread_objects: inside.unread_objects,
        },
        items: rows.map(|row| SlabInside::of(inside, row)).collect(),
        not_checked,
        sections: vec![
            Section::of(&snapshot.memcgs),
            Section::of(&snapshot.slab_inside),
        ],
        losses: losses(snapshot),
    };
    of_snapshot("slab_inside", snapshot, host, document)
}

#[derive(Debug, Serialize)]
struct SpanSummary {
    span_ns: u64,
}

/// Shrinkers, in the order that they are given in, with what they did in `span_ns`.
///
/// # Errors
/// Never for what a model made.
pub fn shrinkers(
    snapshot: &Snapshot,
    rows: &[&snapshot::Shrinker],
    span_ns: u64,
    host: &Host,
) -> serde_json::Result<Vec<u8>> {
    let mut not_checked = census_gaps(snapshot);
    not_checked.extend(absence(&snapshot.shrinkers));
    not_checked.extend(absence(&snapshot.reclaim));
    let document = Document {
        summary: SpanSummary { span_ns },
        items: rows.iter().map(|row| Shrinker::from(*row)).collect(),
        not_checked,
        sections: vec![
            Section::of(&snapshot.memcgs),
            Section::of(&snapshot.shrinkers),
        ],
        losses: losses(snapshot),
    };
    of_snapshot("shrinker", snapshot, host, document)
}

/// Reclaim by memcg, cause and limit, in the order that it is given in, as of `span_ns`.
///
/// # Errors
/// Never for what a model made.
pub fn reclaim(
    snapshot: &Snapshot,
    rows: &[&snapshot::Reclaim],
    span_ns: u64,
    host: &Host,
) -> serde_json::Result<Vec<u8>> {
    let mut not_checked = census_gaps(snapshot);
    not_checked.extend(absence(&snapshot.reclaim));
    let document = Document {
        summary: SpanSummary { span_ns },
        items: rows.iter().map(|row| Reclaim::from(*row)).collect(),
        not_checked,
        sections: vec![
            Section::of(&snapshot.memcgs),
            Section::of(&snapshot.reclaim),
        ],
        losses: losses(snapshot),
    };
    of_snapshot("reclaim", snapshot, host, document)
}

#[derive(Debug, Serialize)]
struct CompareSummary {
    host_slab_peak_bytes: compare_text::Figures,
    snapshots_a: u64,
    snapshots_b: u64,
}

/// Two runs, as of the end of the second; `snapshots` is how many each had, `gaps` what they leave
/// open.
///
/// # Errors
/// Never for what a model made.
pub fn compare(
    last: &Last,
    host_slab: &compare::Change,
    memcgs: &[&compare::Compared],
    snapshots: [u64; 2],
    gaps: &[String],
    host: &Host,
) -> serde_json::Result<Vec<u8>> {
    let items = memcgs.iter();
    let gaps = gaps.iter().map(|gap| NotChecked {
        what: "compare",
        reason: Cow::from(gap),
    });
    let document = Document {
        summary: CompareSummary {
            host_slab_peak_bytes: host_slab.into(),
            snapshots_a: snapshots[0],
            snapshots_b: snapshots[1],
        },
        items: items.map(|row| compare_text::Item::from(*row)).collect(),
        not_checked: gaps.collect(),
        sections: Vec::new(),
        losses: Vec::new(),
    };
    let moment = Moment {
        seq: 0,
        frame: last.frame,
        time: &last.time,
        mono_ns: last.mono_ns,
    };
    line(&Envelope::new("compare", host, moment, document))
}

/// What the list of memcgs leaves open.
fn census_gaps(snapshot: &Snapshot) -> Vec<NotChecked<'_>> {
    let memcgs = &snapshot.memcgs;
    let absent = memcgs.reason.as_deref().map(tame);
    let bound = memcgs
        .truncated_at
        .map(|bound| Cow::from(format!("the walk stopped after {bound}")));
    let reasons = [absent, bound].into_iter().flatten();
    reasons
        .map(|reason| NotChecked {
            what: memcgs.name,
            reason,
        })
        .collect()
}

/// What a host can do, likewise, as of `moment`.
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
        items: vec![doctor],
        not_checked: Vec::new(),
        sections: Vec::new(),
        losses: Vec::new(),
    };
    line(&Envelope::new("doctor", host, moment, document))
}

fn line(document: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(document)?;
    line.push(b'\n');
    Ok(line)
}

fn not_checked(snapshot: &Snapshot) -> Vec<NotChecked<'_>> {
    [
        absence(&snapshot.memcgs),
        absence(&snapshot.slab),
        absence(&snapshot.shrinkers),
        absence(&snapshot.lock_waits),
        absence(&snapshot.tax),
        absence(&snapshot.reclaim),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Why a section cannot be had.
fn absence<T>(section: &snapshot::Section<T>) -> Option<NotChecked<'_>> {
    let reason = section.reason.as_deref()?;
    Some(NotChecked {
        what: section.name,
        reason: tame(reason),
    })
}
