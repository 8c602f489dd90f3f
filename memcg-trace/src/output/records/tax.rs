//! The record of what dead memory cgroups cost those that live.

use serde::Serialize;

use crate::model::snapshot::Snapshot;
use crate::sample;

/// Sums since the start, but for the memory, which is taken now.
#[derive(Debug, Serialize)]
pub struct Tax {
    zombies: Option<u64>,
    own_cost_bytes: Option<u64>,
    #[serde(flatten)]
    counts: sample::Tax,
}

impl Tax {
    /// Of a snapshot, in which all that is not known is `None`.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        Self {
            zombies: snapshot.totals.zombies,
            own_cost_bytes: snapshot.totals.own_cost_bytes,
            counts: snapshot.tax.items.first().copied().unwrap_or_default(),
        }
    }
}
