//! The document of where zombies come from.

use serde::Serialize;

use super::{Document, NotChecked, memcg_gaps, of_snapshot};
use crate::model::origins::{Origin, PinnedBy};
use crate::model::snapshot::Snapshot;
use crate::output::figures::Object;
use crate::output::records::{Section, ZombieCost, losses};
use crate::sample::recording::Host;
use crate::sample::sanitized;

#[derive(Debug, Serialize)]
struct OriginSummary {
    memcgs: Option<u64>,
    zombies: Option<u64>,
    /// Groups, before any was left out.
    origins: u64,
    tax: ZombieCost,
}

/// The zombies of a moment by origin; `left_out` groups were not asked for.
///
/// # Errors
/// Never for what a model made.
pub fn origins(
    snapshot: &Snapshot,
    origins: &[Origin],
    left_out: usize,
    host: &Host,
) -> serde_json::Result<Vec<u8>> {
    let mut not_checked = memcg_gaps(snapshot);
    let is_open = |origin: &Origin| origin.pinned_by == PinnedBy::NotAsked;
    if origins.iter().any(is_open) {
        let reason = snapshot.pins.reason.as_deref().unwrap_or("not asked");
        not_checked.push(NotChecked {
            what: "pins",
            reason: sanitized(reason),
        });
    }
    let document = Document {
        summary: OriginSummary {
            memcgs: snapshot.totals.memcgs,
            zombies: snapshot.totals.zombies,
            origins: (origins.len() + left_out) as u64,
            tax: ZombieCost::of(snapshot),
        },
        items: origins.iter().map(Object).collect(),
        not_checked,
        sections: vec![Section::of(&snapshot.memcgs), Section::of(&snapshot.pins)],
        losses: losses(snapshot),
    };
    of_snapshot("origin", snapshot, host, document)
}
