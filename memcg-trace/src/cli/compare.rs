//! `compare`: what two runs needed at most, side by side.

use std::cmp::Reverse;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use super::args::{self, Common};
use super::feed::Feed;
use super::messages::Messages;
use super::oneshot;
use crate::model::compare::{self, Compared, Peaks};
use crate::model::snapshot::Snapshot;
use crate::output::{compare as text, document};
use crate::sample::recording::Host;

/// Rows of a table of text, unless `--top` says so.
const ROWS: usize = 20;

/// Reads two recordings to their ends.
pub(super) async fn run(
    common: &Common,
    args: &args::Compare,
    messages: &Messages,
) -> anyhow::Result<()> {
    let Run { peaks: a, .. } = Run::of(common, &args.a, messages).await?;
    let Run {
        peaks: b,
        last,
        host,
    } = Run::of(common, &args.b, messages).await?;
    let host_slab = compare::host_slab(&a, &b);
    let memcgs = compare::memcgs(&a, &b);
    let mut memcgs: Vec<&Compared> = memcgs.iter().collect();
    memcgs.sort_by_key(|row| Reverse(row.memory.a.max(row.memory.b)));
    let rows = if common.json { usize::MAX } else { ROWS };
    let shown = common.top().unwrap_or(rows).min(memcgs.len());
    let (shown, left_out) = memcgs.split_at(shown);
    let bytes = if common.json {
        document::compare(&last, &host_slab, shown, [a.snapshots, b.snapshots], &host)?
    } else {
        let style = oneshot::style(common);
        text::render(&host_slab, shown, left_out.len(), style).into_bytes()
    };
    oneshot::write(common, &bytes)
}

/// A recording that was read to its end.
struct Run {
    peaks: Peaks,
    last: Arc<Snapshot>,
    host: Host,
}

impl Run {
    async fn of(common: &Common, file: &Path, messages: &Messages) -> anyhow::Result<Self> {
        let mut feed = Feed::of_recording(common, file, messages)?;
        let (mut peaks, mut last) = (Peaks::default(), None);
        while let Some(snapshot) = feed.next().await? {
            peaks.take(&snapshot);
            last = Some(snapshot);
        }
        let host = feed.host().clone();
        feed.close(messages);
        let last = last.with_context(|| format!("{}: there is not one sample", file.display()))?;
        Ok(Self { peaks, last, host })
    }
}
