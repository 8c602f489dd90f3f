//! Two runs beside each other.

use std::borrow::Cow;

use serde::Serialize;

use super::{Document, NotChecked, line};
use crate::model::compare;
use crate::output::ndjson_peaks::Last;
use crate::output::records::{ComparedMemcg, Envelope, Moment, Peaks};
use crate::sample::recording::Host;

#[derive(Debug, Serialize)]
struct CompareSummary {
    host_slab_peak_bytes: Peaks,
    snapshots_a: u64,
    snapshots_b: u64,
}

/// Two runs, as of the end of the second; `snapshots` is how many each had, `gaps` lists what could
/// not be compared.
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
        items: items.map(|row| ComparedMemcg::from(*row)).collect(),
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
    line(Envelope::new("compare", host, moment, document))
}
