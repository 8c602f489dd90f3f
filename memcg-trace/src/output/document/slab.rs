//! Documents of slab memory: its owners, and the objects of one cache.

use std::borrow::Cow;

use serde::Serialize;

use super::{Document, NotChecked, memcg_gaps, of_snapshot};
use crate::model::known::About;
use crate::model::slab_list;
use crate::model::snapshot::{self, Snapshot};
use crate::output::figures::{Object, Rounded};
use crate::output::records::{KnownBug, Objects, Reclaim, Section, SlabInside, losses};
use crate::output::slab as slab_text;
use crate::sample::recording::Host;
use crate::sample::slab_inside::ObjectKind;

#[derive(Debug, Serialize)]
struct SlabSummary<'a> {
    slab_pages: u64,
    slab_bytes: u64,
    live_objects: u64,
    live_bytes: u64,
    utilization: Rounded,
    freeable_pages: u64,
    unaccounted_objects: u64,
    unaccounted_bytes: u64,
    unaccounted_share_bytes: u64,
    changed_slabs: u64,
    large_kmalloc_pages: Option<u64>,
    #[serde(flatten)]
    reclaim: Object<Reclaim>,
    unknown_reclaim_bytes: u64,
    caches: Vec<Object<&'a snapshot::SlabCache>>,
    inherited: Vec<Object<&'a snapshot::Inherited>>,
}

/// The last walk of all slabs: rows by memcg and cache, and caches, in the given order.
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
    let mut not_checked = memcg_gaps(snapshot);
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
            utilization: Rounded(totals.utilization()),
            freeable_pages: totals.freeable_pages,
            unaccounted_objects: totals.unaccounted_objects,
            unaccounted_bytes: totals.unaccounted_bytes,
            unaccounted_share_bytes: totals.unaccounted_share_bytes,
            changed_slabs: totals.changed_slabs,
            large_kmalloc_pages: snapshot.large_kmalloc_pages,
            reclaim: Object(Reclaim(Some(totals.reclaim))),
            unknown_reclaim_bytes: totals.unknown_reclaim_bytes,
            caches: caches.iter().copied().map(Object).collect(),
            inherited: inherited.map(Object).collect(),
        },
        items: held.iter().copied().map(Object).collect(),
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
    known_bugs: Vec<KnownBug<'a>>,
}

/// The contents of a cache of dentries or inodes; `gaps` lists what could not be checked.
///
/// # Errors
/// Never for what a model made.
pub fn slab_inside(
    snapshot: &Snapshot,
    contents: &snapshot::CacheContents,
    gaps: Vec<String>,
    host: &Host,
) -> serde_json::Result<Vec<u8>> {
    let mut not_checked = memcg_gaps(snapshot);
    not_checked.extend(gaps.into_iter().map(|gap| NotChecked {
        what: snapshot.slab_inside.name,
        reason: Cow::from(gap),
    }));
    let states = contents.states();
    let rows = contents.rows.iter();
    let document = Document {
        summary: InsideSummary {
            cache: Some(contents.cache.display()),
            kind: contents.kind,
            size_bytes: contents.size_bytes,
            states: Objects::of(&states, contents.kind),
            bytes: contents.bytes(states.objects()),
            unread_objects: contents.unread_objects,
            known_bugs: KnownBug::seen_in(snapshot, About::Caches),
        },
        items: rows.map(|row| SlabInside::of(contents, row)).collect(),
        not_checked,
        sections: vec![
            Section::of(&snapshot.memcgs),
            Section::of(&snapshot.slab_inside),
        ],
        losses: losses(snapshot),
    };
    of_snapshot("slab_inside", snapshot, host, document)
}
