//! The verb: samples, publishes, and ends.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::connections;
use super::listener::Listener;
use super::notify::Notify;
use super::published::Published;
use super::textfile::Textfile;
use crate::cli::allocator::give_back_large_blocks;
use crate::cli::args::{Common, Serve};
use crate::cli::capabilities::give_up_attaching;
use crate::cli::exit_codes::{DONE, ERROR};
use crate::cli::feed::Feed;
use crate::cli::messages::Messages;
use crate::cli::oneshot::nothing_seen;
use crate::cli::signals::Stop;
use crate::cli::until::Until;
use crate::output::metrics::Limits;

/// Most rows of a kind without `--top`.
const TOP: usize = 50;
/// A snapshot is stale after so many intervals and this time.
const STALE_INTERVALS: u32 = 10;
const STALE_AFTER: Duration = Duration::from_secs(60);

/// Serves until the span is over or a signal comes. A recording is read to its end, and then
/// served.
pub(in crate::cli) async fn run(
    common: &Common,
    serve: &Serve,
    messages: &Messages,
) -> anyhow::Result<u8> {
    give_back_large_blocks();
    let mut stop = Stop::on_signals(ERROR)?;
    let listener = serve.address().map(|address| Listener::bind(&address));
    let listener = listener.transpose()?;
    let socket = listener.as_ref().and_then(Listener::path);
    let mut feed = Feed::of_whole_host(common, messages)?;
    let is_replay = feed.is_replay();
    // Before other threads start, so that none of them has more.
    if !is_replay && let Err(error) = give_up_attaching() {
        messages.warn(&format!("cannot give up capabilities: {error}"));
    }
    feed.ask_for_locks();
    feed.ask_in_background(serve.pins, serve.abandoned, *messages);
    let incidents = feed.record_incidents(&serve.incidents, *messages)?;
    let limits = Limits {
        top: common.top().unwrap_or(TOP),
        max_series: usize::try_from(serve.max_series).unwrap_or(usize::MAX),
    };
    let stale_after = (!is_replay).then(|| common.interval * STALE_INTERVALS + STALE_AFTER);
    let published = Arc::new(Published::new(
        feed.host().clone(),
        limits,
        stale_after,
        incidents,
    ));
    let is_listening = listener.is_some();
    if let Some(listener) = listener {
        messages.inform(&format!("listening on {}", listener.name()));
        connections::answer(listener, Arc::clone(&published))?;
    }
    let textfile = serve.textfile.clone();
    let textfile = textfile.map(|path| Textfile::start(path, Arc::clone(&published), *messages));
    let textfile = textfile.transpose()?;
    let mut notify = Notify::new();
    let mut until = Until::new(&serve.span, &stop).or_by_the_clock(is_replay);
    let mut code = ERROR;
    let mut end = Ok(());
    loop {
        let next = match is_replay {
            true => until.next(feed.only()).await,
            false => until.next(feed.next()).await,
        };
        let snapshot = match next {
            Ok(Some(snapshot)) => snapshot,
            Ok(None) => break,
            Err(error) => {
                end = Err(error);
                break;
            }
        };
        let mono_ns = snapshot.mono_ns;
        published.publish(snapshot);
        textfile.iter().for_each(Textfile::write);
        notify.on_snapshot();
        code = DONE;
        stop.exits_with(code);
        if until.is_over(mono_ns) {
            break;
        }
    }
    feed.end_incidents();
    // The end of a recording is no end for those who ask about it.
    if is_replay && is_listening && serve.span.is_endless() && code == DONE {
        stop.asked().await;
    }
    notify.on_end();
    feed.close(messages);
    if let Some(socket) = socket {
        let _ = fs::remove_file(socket);
    }
    end?;
    if code != DONE {
        messages.warn(nothing_seen(&stop));
    }
    textfile.map_or(Ok(()), Textfile::finish)?;
    Ok(code)
}
