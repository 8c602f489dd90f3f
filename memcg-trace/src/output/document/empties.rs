//! The document of live memory cgroups without tasks.

use serde::Serialize;

use super::{Document, NotChecked, memcg_gaps, of_snapshot};
use crate::model::abandoned::{Empties, not_checked};
use crate::model::snapshot::Snapshot;
use crate::output::figures::Object;
use crate::output::records::{Section, losses};
use crate::sample::recording::Host;

#[derive(Debug, Serialize)]
struct EmptySummary {
    memcgs: Option<u64>,
    zombies: Option<u64>,
    empty: Option<u64>,
    abandoned: Option<u64>,
    can_reclaim: Option<bool>,
    free_swap_bytes: Option<u64>,
}

/// The live memory cgroups without tasks of a moment; of the groups the first `shown`.
///
/// # Errors
/// Never for what a model made.
pub fn empties(
    snapshot: &Snapshot,
    empties: &Empties,
    shown: usize,
    host: &Host,
) -> serde_json::Result<Vec<u8>> {
    let uses = snapshot.cgroup_uses.as_deref();
    let mut gaps = memcg_gaps(snapshot);
    gaps.extend(not_checked(uses).into_iter().map(|reason| NotChecked {
        what: "cgroup_uses",
        reason: crate::sample::sanitized(&reason).into_owned().into(),
    }));
    let document = Document {
        summary: EmptySummary {
            memcgs: snapshot.totals.memcgs,
            zombies: snapshot.totals.zombies,
            empty: empties.empty,
            abandoned: empties.abandoned,
            can_reclaim: uses.and_then(|uses| uses.can_reclaim),
            free_swap_bytes: uses.and_then(|uses| uses.free_swap_bytes),
        },
        items: empties.groups.iter().take(shown).map(Object).collect(),
        not_checked: gaps,
        sections: vec![Section::of(&snapshot.memcgs)],
        losses: losses(snapshot),
    };
    of_snapshot("empty_cgroup", snapshot, host, document)
}
