//! The recordings of incidents in a folder.

use serde::Serialize;

use super::{Document, NotChecked, line};
use crate::output::figures::Object;
use crate::output::records::{Envelope, Moment};
use crate::sample::incident::Listed;
use crate::sample::recording::Host;
use crate::sample::sanitized;
use crate::units;

#[derive(Debug, Serialize)]
struct Summary {
    incidents: u64,
    size_bytes: u64,
    other_files: u64,
}

/// The list as of its newest incident, in one line with its newline.
///
/// # Errors
/// Never for what was listed.
pub fn incidents(listed: &Listed, host: &Host) -> serde_json::Result<Vec<u8>> {
    let sizes = listed.recordings.iter().map(|one| one.size_bytes);
    let newest = listed.recordings.last().map(|one| &one.incident);
    let time = units::time(newest.map_or(0, |incident| incident.unix_ns));
    let names: Vec<_> = listed
        .not_read
        .iter()
        .map(|one| one.file.display())
        .collect();
    let document = Document {
        summary: Summary {
            incidents: listed.recordings.len() as u64,
            size_bytes: sizes.fold(0, u64::saturating_add),
            other_files: listed.other_files,
        },
        items: listed.recordings.iter().map(Object).collect(),
        not_checked: (names.iter().zip(&listed.not_read))
            .map(|(file, one)| NotChecked {
                what: file,
                reason: sanitized(&one.why),
            })
            .collect(),
        sections: Vec::new(),
        losses: Vec::new(),
    };
    let moment = Moment {
        seq: 0,
        frame: 0,
        time: &time,
        mono_ns: newest.map_or(0, |incident| incident.mono_ns),
    };
    line(Envelope::new("incident", host, moment, document))
}
