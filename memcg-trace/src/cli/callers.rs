//! `slab --callers`: the call sites that have objects of one cache.

use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use anyhow::Context as _;

use super::args::{self, Common};
use super::exit_codes::{DONE, ERROR};
use super::feed::Feed;
use super::messages::Messages;
use super::oneshot;
use super::signals::Stop;
use super::slab::{ROWS, ensure_known};
use super::until::Until;
use crate::model::snapshot::Snapshot;
use crate::output::{callers as text, document};
use crate::sample::Text;
use crate::sample::ask::{Ask, NOT_RECORDED};

/// Watches a cache for a while, or reads a recording to its end, and prints what was seen last.
pub(super) async fn run(
    common: &Common,
    args: &args::Slab,
    cache: &std::ffi::OsStr,
    messages: &Messages,
) -> anyhow::Result<u8> {
    let stop = Stop::on_signals(ERROR)?;
    let mut feed = Feed::of_callers(common, messages)?;
    let host = feed.host().clone();
    let wanted = Text::from(cache.as_bytes());
    let watched = watch(&mut feed, args, &wanted, &stop, messages).await;
    feed.close(messages);
    let Some(snapshot) = watched? else {
        messages.warn(oneshot::nothing_seen(&stop));
        return Ok(ERROR);
    };
    let mut callers = snapshot.callers.items.iter();
    let is_wanted = |name: &Text| *name == wanted;
    let callers = callers.find(|one| is_wanted(&one.cache) || one.aliases.iter().any(is_wanted));
    let callers = callers.with_context(|| format!("{NOT_RECORDED}: no callers of that cache"))?;
    let bytes = if common.json {
        let top = common.top().unwrap_or(usize::MAX);
        document::callers(&snapshot, callers, top, &host)?
    } else {
        let (top, style) = (common.top().unwrap_or(ROWS), oneshot::style(common));
        text::render(&snapshot, callers, top, &host, style).into_bytes()
    };
    oneshot::write(common, &bytes)?;
    Ok(DONE)
}

/// Returns the snapshot at the end of the span, which a signal ends early.
async fn watch(
    feed: &mut Feed,
    args: &args::Slab,
    cache: &Text,
    stop: &Stop,
    messages: &Messages,
) -> anyhow::Result<Option<Arc<Snapshot>>> {
    let is_replay = feed.is_replay();
    if !is_replay {
        let Some(first) = feed.next().await? else {
            return Ok(None);
        };
        let walked = feed.ask(&Ask::Callers(cache.clone()))?.unwrap_or(first);
        ensure_known(cache.as_bytes(), &walked)?;
        messages.inform(&format!("watching {}", cache.display()));
    }
    let span = args.callers_span(is_replay);
    let mut until = Until::new(&span, stop).or_by_the_clock(is_replay);
    let mut last = None;
    while let Some(snapshot) = until.next(feed.next()).await? {
        let is_over = is_replay && until.is_over(snapshot.mono_ns);
        last = Some(snapshot);
        if is_over {
            break;
        }
    }
    Ok(feed.at_once().await?.or(last))
}
