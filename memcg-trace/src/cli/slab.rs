//! `slab`: owners of slab memory, and the utilization of its pages.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use anyhow::bail;

use super::args::{self, Common, SlabSort};
use super::exit_codes::{CANNOT_TRACE, DONE, ERROR};
use super::feed::Feed;
use super::messages::Messages;
use super::oneshot;
use super::signals::Stop;
use crate::model::select;
use crate::model::slab_list::{self, Order, Totals};
use crate::model::snapshot::{Slab, SlabCache, Snapshot};
use crate::output::slab::View;
use crate::output::{document, report, slab as text};
use crate::sample::Text;
use crate::sample::ask::{Ask, NOT_RECORDED};

/// Rows of a table of text, unless `--top` says so.
pub(super) const ROWS: usize = 20;

/// Walks all slabs and prints the result, or the last walk of a recording.
pub(super) async fn run(
    common: &Common,
    args: &args::Slab,
    messages: &Messages,
) -> anyhow::Result<u8> {
    let mut stop = Stop::on_signals(ERROR)?;
    let feed = Feed::of_memcgs(common, messages)?.redacting(args.report.redact);
    let host = feed.host().clone();
    let Some(snapshot) = oneshot::answer(feed, &mut stop, messages, ask).await? else {
        return Ok(ERROR);
    };
    let cache = args.cache.as_ref().map(|cache| cache.as_bytes());
    if let Some(cache) = cache {
        ensure_known(cache, &snapshot)?;
    }
    let caches = snapshot.slab_caches.items.iter();
    let is_shown = |row: &&SlabCache| cache.is_none_or(|cache| row.is_called(cache));
    let mut caches: Vec<&SlabCache> = caches.filter(is_shown).collect();
    let keys: HashSet<u64> = caches.iter().map(|row| row.walked.cache).collect();
    let held = slab_list::held(&snapshot);
    let mut held: Vec<&Slab> = held.filter(|row| keys.contains(&row.cache_key)).collect();
    let order = order(args.sort);
    held.sort_by(|a, b| order.compare(a, b));
    caches.sort_by_key(|row| (Reverse(row.walked.slab_pages), Arc::clone(&row.name)));
    let bytes = if common.json {
        let top = common.top().unwrap_or(usize::MAX);
        held.truncate(top);
        let totals = Totals::of(&snapshot, cache);
        document::slab(&snapshot, &held, &caches, &totals, &host)?
    } else {
        let view = View {
            held: &held,
            caches: &caches,
            top: common.top().unwrap_or(ROWS),
            cache,
            is_whole: common.is_whole(),
        };
        match args.report.report {
            true => report::slab(&snapshot, &view, &host),
            false => text::render(&snapshot, &view, &host, oneshot::style(common)),
        }
        .into_bytes()
    };
    oneshot::write(common, &bytes)?;
    Ok(if snapshot.slab_caches.is_known() {
        DONE
    } else {
        CANNOT_TRACE
    })
}

/// Reads the list of memcgs, and asks for the walk.
async fn ask(feed: &mut Feed) -> anyhow::Result<Option<Arc<Snapshot>>> {
    let Some(snapshot) = feed.only().await? else {
        return Ok(None);
    };
    match feed.ask(&Ask::SlabWalk)? {
        Some(answered) => Ok(Some(answered)),
        None if snapshot.slab_caches.is_known() => Ok(Some(snapshot)),
        None => bail!("{NOT_RECORDED}: no walk of all slabs ended while this was recorded"),
    }
}

/// An unknown cache is an error, not an empty answer.
pub(super) fn ensure_known(cache: &[u8], snapshot: &Snapshot) -> anyhow::Result<()> {
    let caches = &snapshot.slab_caches.items;
    if caches.iter().any(|row| row.is_called(cache)) {
        return Ok(());
    }
    let wanted = Text::from(cache);
    let near = select::near(caches.iter().map(|row| &*row.name), &wanted);
    let near: Vec<_> = near.iter().map(Text::display).collect();
    if near.is_empty() {
        bail!("no cache {} has slabs", wanted.display());
    }
    bail!(
        "no cache {} has slabs: did you mean {}?",
        wanted.display(),
        near.join(" or ")
    );
}

fn order(sort: SlabSort) -> Order {
    match sort {
        SlabSort::Share => Order::Share,
        SlabSort::Objects => Order::Objects,
        SlabSort::Bytes => Order::Bytes,
        SlabSort::Utilization => Order::Utilization,
        SlabSort::Waste => Order::Waste,
        SlabSort::Inherited => Order::Inherited,
        SlabSort::Cache => Order::Cache,
        SlabSort::Path => Order::Path,
    }
}
