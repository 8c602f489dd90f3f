//! The document of the call sites that have objects of a cache.

use std::borrow::Cow;

use serde::Serialize;

use super::{Document, NotChecked, memcg_gaps, of_snapshot};
use crate::model::snapshot::Snapshot;
use crate::output::callers as text;
use crate::output::records::{Section, SlabCaller, losses};
use crate::sample::callers::{CallSite, Callers};
use crate::sample::recording::Host;

#[derive(Debug, Serialize)]
struct CallersSummary<'a> {
    cache: Cow<'a, str>,
    aliases: Vec<Cow<'a, str>>,
    size_bytes: u32,
    watched_ns: u64,
    call_sites: usize,
    alive_objects: u64,
    alive_bytes: u64,
    allocated_objects: u64,
    freed_objects: u64,
    untracked_objects: u64,
    unseen_frees: u64,
    stack_every: u64,
}

/// The call sites of a cache, `top` of them.
///
/// # Errors
/// Never for what a model made.
pub fn callers(
    snapshot: &Snapshot,
    callers: &Callers,
    top: usize,
    host: &Host,
) -> serde_json::Result<Vec<u8>> {
    let mut not_checked = memcg_gaps(snapshot);
    let gaps = text::gaps(snapshot, callers).into_iter();
    not_checked.extend(gaps.map(|gap| NotChecked {
        what: snapshot.callers.name,
        reason: Cow::from(gap),
    }));
    let sum = |figure: fn(&CallSite) -> u64| text::sum(callers, figure);
    let alive = sum(CallSite::alive);
    let document = Document {
        summary: CallersSummary {
            cache: callers.cache.display(),
            aliases: callers.aliases.iter().map(|name| name.display()).collect(),
            size_bytes: callers.size_bytes,
            watched_ns: callers.as_of_ns.saturating_sub(callers.since_ns),
            call_sites: callers.sites.len(),
            alive_objects: alive,
            alive_bytes: alive.saturating_mul(callers.size_bytes.into()),
            allocated_objects: sum(|site| site.alloc_total),
            freed_objects: sum(|site| site.free_total),
            untracked_objects: sum(|site| site.untracked_total),
            unseen_frees: sum(|site| site.unseen_free_total),
            stack_every: callers.stack_every,
        },
        items: (callers.sites.iter().take(top))
            .map(|site| SlabCaller::of(callers, site))
            .collect(),
        not_checked,
        sections: vec![
            Section::of(&snapshot.memcgs),
            Section::of(&snapshot.callers),
        ],
        losses: losses(snapshot),
    };
    of_snapshot("slab_caller", snapshot, host, document)
}
