//! Documents of what shrinkers and reclaim did in a span of time.

use serde::Serialize;

use super::{Document, absent, memcg_gaps, of_snapshot};
use crate::model::snapshot::{self, Snapshot};
use crate::output::figures::Object;
use crate::output::records::{Section, losses};
use crate::sample::recording::Host;

#[derive(Debug, Serialize)]
struct SpanSummary {
    span_ns: u64,
}

/// Shrinkers, in the given order, with what they did in `span_ns`.
///
/// # Errors
/// Never for what a model made.
pub fn shrinkers(
    snapshot: &Snapshot,
    rows: &[&snapshot::Shrinker],
    span_ns: u64,
    host: &Host,
) -> serde_json::Result<Vec<u8>> {
    let mut not_checked = memcg_gaps(snapshot);
    not_checked.extend(snapshot.shrinkers.absence().map(absent));
    not_checked.extend(snapshot.reclaim.absence().map(absent));
    let document = Document {
        summary: SpanSummary { span_ns },
        items: rows.iter().copied().map(Object).collect(),
        not_checked,
        sections: vec![
            Section::of(&snapshot.memcgs),
            Section::of(&snapshot.shrinkers),
        ],
        losses: losses(snapshot),
    };
    of_snapshot("shrinker", snapshot, host, document)
}

/// Reclaim by memcg, cause and limit, in the given order, as of `span_ns`.
///
/// # Errors
/// Never for what a model made.
pub fn reclaim(
    snapshot: &Snapshot,
    rows: &[&snapshot::Reclaim],
    span_ns: u64,
    host: &Host,
) -> serde_json::Result<Vec<u8>> {
    let mut not_checked = memcg_gaps(snapshot);
    not_checked.extend(snapshot.reclaim.absence().map(absent));
    let document = Document {
        summary: SpanSummary { span_ns },
        items: rows.iter().copied().map(Object).collect(),
        not_checked,
        sections: vec![
            Section::of(&snapshot.memcgs),
            Section::of(&snapshot.reclaim),
        ],
        losses: losses(snapshot),
    };
    of_snapshot("reclaim", snapshot, host, document)
}
