//! `reclaim`: tasks that wait for reclaim, the limit that caused it, and the memcgs that lose
//! memory.

use std::cmp::Reverse;

use super::args::{self, Common};
use super::exit_codes::{CANNOT_TRACE, DONE, ERROR};
use super::messages::Messages;
use super::oneshot;
use super::sums::{self, Sums};
use crate::model::snapshot::Reclaim;
use crate::output::{document, reclaim};

/// Prints the sums of a span of time, the longest stalls first.
pub(super) async fn run(
    common: &Common,
    args: &args::Sums,
    messages: &Messages,
) -> anyhow::Result<u8> {
    let Some(sums) = Sums::over(common, args, messages).await? else {
        return Ok(ERROR);
    };
    let (snapshot, host) = (&sums.snapshot, &sums.host);
    let span_ns = sums.span_ns(|snapshot| snapshot.reclaim.as_of_ns);
    let mut rows: Vec<&Reclaim> = snapshot.reclaim.items.iter().collect();
    rows.sort_by_key(|row| {
        let count = &row.count;
        Reverse((
            count.stall_ns_total,
            count.background_ns_total,
            count.visits_total,
        ))
    });
    let bytes = if common.json {
        document::reclaim(snapshot, sums::of_document(common, &rows), span_ns, host)?
    } else {
        let (shown, left_out) = sums::of_text(common, &rows);
        let style = oneshot::style(common);
        reclaim::render(snapshot, host, shown, left_out, span_ns, style).into_bytes()
    };
    oneshot::write(common, &bytes)?;
    let has_figures = snapshot.reclaim.is_known();
    Ok(if has_figures { DONE } else { CANNOT_TRACE })
}
