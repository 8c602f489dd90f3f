//! `compare`: peaks of two runs, side by side.

use std::cmp::Reverse;
use std::path::Path;

use anyhow::{Context as _, bail};

use super::args::{self, Common};
use super::exit_codes::DONE;
use super::feed::Feed;
use super::messages::Messages;
use super::oneshot;
use super::record_file;
use crate::model::compare::{self, Compared, Peaks};
use crate::output::ndjson_peaks::{self, Last};
use crate::output::{compare as text, document};
use crate::sample::recording::Host;
use crate::units;

/// Rows of a table of text, unless `--top` says so.
const ROWS: usize = 20;

/// Reads two recordings, or files of records, to their ends.
pub(super) async fn run(
    common: &Common,
    args: &args::Compare,
    messages: &Messages,
) -> anyhow::Result<u8> {
    let (a, b) = (
        Run::of(common, &args.a, messages).await?,
        Run::of(common, &args.b, messages).await?,
    );
    let host_slab = compare::host_slab(&a.peaks, &b.peaks);
    let memcgs = compare::memcgs(&a.peaks, &b.peaks);
    let mut memcgs: Vec<&Compared> = memcgs.iter().collect();
    memcgs.sort_by_key(|row| Reverse(row.memory.a.max(row.memory.b)));
    let rows = if common.json { usize::MAX } else { ROWS };
    let shown = common.top().unwrap_or(rows).min(memcgs.len());
    let (shown, left_out) = memcgs.split_at(shown);
    let gaps = text::gaps([("A", &a.peaks, a.missing), ("B", &b.peaks, b.missing)]);
    let bytes = if common.json {
        let snapshots = [a.peaks.snapshots, b.peaks.snapshots];
        document::compare(&b.last, &host_slab, shown, snapshots, &gaps, &b.host)?
    } else {
        let style = oneshot::style(common);
        text::render(&host_slab, shown, left_out.len(), &gaps, style).into_bytes()
    };
    oneshot::write(common, &bytes)?;
    Ok(DONE)
}

/// A recording or a file of records, read to its end.
struct Run {
    peaks: Peaks,
    last: Last,
    host: Host,
    missing: u64,
}

impl Run {
    async fn of(common: &Common, path: &Path, messages: &Messages) -> anyhow::Result<Self> {
        let run = if record_file::has_records(path)? {
            let read = ndjson_peaks::read(record_file::open(path)?)
                .with_context(|| format!("cannot read the records {}", path.display()))?;
            Self {
                peaks: read.peaks,
                last: read.last,
                host: read.host,
                missing: read.missing,
            }
        } else {
            Self::of_recording(common, path, messages).await?
        };
        if run.peaks.snapshots == 0 {
            bail!("{}: there is not one sample", path.display());
        }
        Ok(run)
    }

    async fn of_recording(
        common: &Common,
        path: &Path,
        messages: &Messages,
    ) -> anyhow::Result<Self> {
        let mut feed = Feed::of_recording(common, path, messages)?;
        let (mut peaks, mut last) = (Peaks::default(), Last::default());
        while let Some(snapshot) = feed.next().await? {
            peaks.take(&snapshot);
            last = Last {
                frame: snapshot.frame,
                time: units::time(snapshot.unix_ns),
                mono_ns: snapshot.mono_ns,
            };
        }
        let host = feed.host().clone();
        feed.close(messages);
        Ok(Self {
            peaks,
            last,
            host,
            missing: 0,
        })
    }
}
