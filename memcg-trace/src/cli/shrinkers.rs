//! `shrinkers`: what shrinkers scan and free, for which memcg and cause.

use std::cmp::Reverse;

use super::args::{self, Common};
use super::exit_codes::{CANNOT_TRACE, DONE, ERROR};
use super::messages::Messages;
use super::oneshot;
use super::sums::{self, Sums};
use crate::model::snapshot::Shrinker;
use crate::output::{document, shrinkers};

/// Prints the sums of a span of time, the shrinkers that took longest first.
pub(super) async fn run(
    common: &Common,
    args: &args::Sums,
    messages: &Messages,
) -> anyhow::Result<u8> {
    let Some(sums) = Sums::over(common, args, messages).await? else {
        return Ok(ERROR);
    };
    let (snapshot, host) = (&sums.snapshot, &sums.host);
    let span_ns = sums.span_ns(|snapshot| snapshot.shrinkers.as_of_ns);
    let mut rows: Vec<&Shrinker> = snapshot.shrinkers.items.iter().collect();
    rows.sort_by_key(|row| Reverse((row.count.time_ns_total, row.count.calls_total)));
    let bytes = if common.json {
        document::shrinkers(snapshot, sums::of_document(common, &rows), span_ns, host)?
    } else {
        let (shown, left_out) = sums::of_text(common, &rows);
        let style = oneshot::style(common);
        shrinkers::render(snapshot, host, shown, left_out, span_ns, style).into_bytes()
    };
    oneshot::write(common, &bytes)?;
    let has_figures = snapshot.shrinkers.is_known();
    Ok(if has_figures { DONE } else { CANNOT_TRACE })
}
