//! `slab --inside`: the contents of one cache of dentries or inodes.

use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::args::Common;
use super::exit_codes::{DONE, ERROR};
use super::feed::Feed;
use super::messages::Messages;
use super::oneshot;
use super::signals::Stop;
use super::slab::{ROWS, ensure_known};
use crate::model::snapshot::Snapshot;
use crate::output::{cache_contents as text, document};
use crate::sample::Text;
use crate::sample::ask::{Ask, NOT_RECORDED};
use crate::sample::slab_inside::ObjectKind;

/// Walks a cache and prints its contents, or the last such walk of a recording.
pub(super) async fn run(
    common: &Common,
    cache: &std::ffi::OsStr,
    messages: &Messages,
) -> anyhow::Result<u8> {
    let mut stop = Stop::on_signals(ERROR)?;
    let feed = Feed::of_memcgs(common, messages)?;
    let host = feed.host().clone();
    let wanted = Text::from(cache.as_bytes());
    let ask = async |feed: &mut Feed| ask(feed, &wanted).await;
    let Some(snapshot) = oneshot::answer(feed, &mut stop, messages, ask).await? else {
        return Ok(ERROR);
    };
    let mut contents = snapshot.slab_inside.items.iter();
    let contents = contents.find(|contents| *contents.cache == wanted);
    let contents = contents.with_context(|| format!("{NOT_RECORDED}: no look into that cache"))?;
    if contents.kind == ObjectKind::Unknown {
        ensure_known(wanted.as_bytes(), &snapshot)?;
        bail!("{}", other_kind(&snapshot, &wanted));
    }
    let bytes = if common.json {
        let mut contents = contents.clone();
        contents.rows.truncate(common.top().unwrap_or(usize::MAX));
        document::slab_inside(&snapshot, &contents, text::gaps(&contents), &host)?
    } else {
        let (top, style) = (common.top().unwrap_or(ROWS), oneshot::style(common));
        text::render(&snapshot, contents, top, &host, style).into_bytes()
    };
    oneshot::write(common, &bytes)?;
    Ok(DONE)
}

/// Reads the list of memcgs, and asks for the walk.
async fn ask(feed: &mut Feed, cache: &Text) -> anyhow::Result<Option<Arc<Snapshot>>> {
    let Some(snapshot) = feed.only().await? else {
        return Ok(None);
    };
    match feed.ask(&Ask::SlabInside(cache.clone()))? {
        Some(answered) => Ok(Some(answered)),
        None => Ok(Some(snapshot)),
    }
}

/// Names of caches that can be looked into, for the error about another one.
fn other_kind(snapshot: &Snapshot, wanted: &Text) -> String {
    let caches = snapshot.slab_caches.items.iter();
    let known = caches.filter(|cache| cache.walked.kind != ObjectKind::Unknown);
    let mut names: Vec<_> = known.map(|cache| cache.name.display()).collect();
    names.sort_unstable();
    format!(
        "the objects of {} are neither dentries nor inodes; those of {} are",
        wanted.display(),
        names.join(", ")
    )
}
