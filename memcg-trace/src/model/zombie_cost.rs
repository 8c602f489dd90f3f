//! The cost of dead memcgs, as a section.

use std::sync::Arc;

use super::snapshot::{Section, Source};
use crate::sample::ZombieCost;

/// The section has no item in recordings that are older than it.
pub(super) fn section(tax: Option<ZombieCost>, as_of_ns: Option<u64>) -> Arc<Section<ZombieCost>> {
    Arc::new(Section {
        name: "tax",
        source: Source::Event,
        as_of_ns,
        took_ns: None,
        visited: None,
        truncated_at: None,
        reason: None,
        items: tax.into_iter().collect(),
    })
}
