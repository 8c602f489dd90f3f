//! The peaks of a run, read from its records.

use std::io::{self, BufRead};

use serde::Deserialize;

use crate::model::compare::{Peak, Peaks};
use crate::sample::Text;
use crate::sample::recording::Host;
use crate::units::PAGE_BYTES;

/// Contents of a stream of records.
#[derive(Debug, Default)]
pub struct Read {
    /// The maximum of each figure.
    pub peaks: Peaks,
    /// Host of the records.
    pub host: Host,
    /// The last snapshot of the stream.
    pub last: Last,
    /// Number of missing records, by the gaps in their numbers.
    pub missing: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Last {
    /// Number of its last snapshot.
    pub frame: u64,
    /// Time of the last snapshot, RFC 3339.
    pub time: String,
    /// Time of the last snapshot, CLOCK_MONOTONIC.
    pub mono_ns: u64,
}

/// The fields of a record that peaks need.
#[derive(Deserialize)]
struct Record {
    #[serde(rename = "type")]
    kind: String,
    host: String,
    boot_id: String,
    seq: u64,
    frame: u64,
    time: String,
    mono_ns: u64,
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    path: Option<String>,
    path_hex: Option<Text>,
    phase: Option<String>,
    usage_bytes: Option<u64>,
    kmem_bytes: Option<u64>,
    slab_bytes: Option<u64>,
    slab_pages: Option<u64>,
}

/// Reads a stream to its end.
///
/// # Errors
/// If it cannot be read, or has a line that is no record.
pub fn read(lines: impl BufRead) -> io::Result<Read> {
    let mut read = Read::default();
    let (mut slab_pages, mut next) = (None, None);
    for (number, line) in (1_u64..).zip(lines.lines()) {
        let line = line?;
        let record: Record = serde_json::from_str(&line)
            .map_err(|error| io::Error::other(format!("line {number} is no record: {error}")))?;
        let expected = next.unwrap_or(record.seq);
        read.missing = read
            .missing
            .saturating_add(record.seq.saturating_sub(expected));
        next = Some(record.seq.saturating_add(1));
        let data = record.data;
        match &*record.kind {
            "base" => {
                let why = "these are changes: export --whole FILE makes whole records of them";
                return Err(io::Error::other(why));
            }
            "memcg" if data.phase.is_none() => {
                let path = data
                    .path_hex
                    .or_else(|| data.path.map(|path| Text::from(&*path)));
                let now = Peak {
                    memory_bytes: data.usage_bytes,
                    kmem_bytes: data.kmem_bytes,
                    slab_bytes: data.slab_bytes,
                };
                read.peaks.take_memcg(&path.unwrap_or_default(), now);
            }
            "slab_cache" => {
                let more = data.slab_pages.unwrap_or(0);
                slab_pages = Some(slab_pages.unwrap_or(0_u64).saturating_add(more));
            }
            "frame" => {
                let pages = slab_pages.take();
                read.peaks
                    .end(pages.map(|pages| pages.saturating_mul(PAGE_BYTES)));
            }
            _ => {}
        }
        read.host.host = Text::from(&*record.host);
        read.host.boot_id = Text::from(&*record.boot_id);
        read.last = Last {
            frame: record.frame,
            time: record.time,
            mono_ns: record.mono_ns,
        };
    }
    Ok(read)
}
