//! `live` and `replay`: the dashboard, and the loop that feeds it.

use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use crossterm::event::{Event, read};
use tokio::sync::mpsc;

use super::args::{self, Common};
use super::exit_codes::DONE;
use super::feed::Feed;
use super::feeding::{FEED_DIED, Fed, Feeding, Request};
use super::messages::Messages;
use super::screen::Screen;
use super::signals::Stop;
use crate::sample::ask::NOT_RECORDED;
use crate::source::replay::Pace;
use crate::tui::{self, App, Setup};

/// Maximum number of keys in the queue. Others wait in the terminal.
const MAX_KEYS: usize = 64;
/// Interval for checking that the terminal still exists.
const TERMINAL_CHECK: Duration = Duration::from_secs(1);

/// Shows the dashboard until the user leaves.
pub(super) async fn run(
    common: &Common,
    dashboard: &args::Dashboard,
    file: Option<&Path>,
    messages: &Messages,
) -> anyhow::Result<u8> {
    let mut stop = Stop::on_signals(DONE)?;
    // Opened before the screen is taken, so that errors can be read on a plain terminal.
    let mut feed = Feed::open(common, file, Pace::Recorded(dashboard.speed), messages)?;
    feed.ask_for_locks();
    feed.keep(dashboard.history);
    let mut app = App::new(Setup {
        host: feed.host().clone(),
        is_replay: feed.is_replay(),
        colour: common.colour(true),
    });
    let is_replay = feed.is_replay();
    let mut screen = Screen::take()?;
    let (feeding, mut fed) = Feeding::start(feed)?;
    let result = show(
        &mut screen,
        &mut app,
        &feeding,
        &mut fed,
        &mut stop,
        is_replay,
    )
    .await;
    // Restored before detaching, whose duration has no bound.
    screen.give_back();
    drop(fed);
    for row in app.yanked() {
        // Nobody may read that any more.
        let _ = writeln!(io::stdout(), "{row}");
    }
    let ended = messages.while_detaching(!is_replay, || feeding.end());
    let ended = ended.map(|notes| notes.iter().for_each(|note| messages.warn(note)));
    match result.and(ended) {
        Err(error) if is_gone(&error) => Ok(DONE),
        other => other.map(|()| DONE),
    }
}

/// The main loop. It never waits for the kernel, so the user can always quit.
async fn show(
    screen: &mut Screen,
    app: &mut App,
    feeding: &Feeding,
    fed: &mut mpsc::Receiver<Fed>,
    stop: &mut Stop,
    is_replay: bool,
) -> anyhow::Result<()> {
    let mut keys = read_keys()?;
    // Nobody looks at a terminal that says that it lost the focus.
    let mut has_focus = true;
    let mut terminal_check = tokio::time::interval(TERMINAL_CHECK);
    while !app.is_done() {
        let (columns, rows) = screen.size().context("cannot draw")?;
        app.resize(columns, rows);
        if has_focus {
            screen
                .draw(|frame| tui::draw(frame, app))
                .context("cannot draw")?;
        }
        // The question is sent after drawing, since the kernel may need a while to answer. Only one
        // is in progress; the next one stays in the app.
        if is_replay && let Some(ask) = app.question() {
            app.leave_unanswered(&ask, NOT_RECORDED);
            continue;
        }
        if let Ok(room) = feeding.requests.try_reserve()
            && let Some(request) = request(app)
        {
            room.send(request);
        }
        // A paused screen pauses a recording; a live kernel continues.
        let is_held = is_replay && app.is_paused();
        feeding
            .held
            .send_if_modified(|held| std::mem::replace(held, is_held) != is_held);
        loop {
            tokio::select! {
                biased;
                () = stop.asked() => return Ok(()),
                event = keys.recv() => {
                    let Some(event) = event else { return Ok(()) };
                    let event = event.context("cannot read keys")?;
                    match event {
                        Event::FocusLost => has_focus = false,
                        Event::FocusGained => has_focus = true,
                        _ => has_focus |= matches!(event, Event::Key(_)),
                    }
                    if takes(app, &event) {
                        break;
                    }
                }
                next = fed.recv() => {
                    match next {
                        Some(Fed::Snapshot(snapshot, kept_since_ns)) => {
                            app.keeps_since(kept_since_ns);
                            app.take(snapshot);
                        }
                        Some(Fed::Answer(ask, snapshot)) => app.answer(&ask, snapshot),
                        Some(Fed::Unanswered(ask, why)) => app.leave_unanswered(&ask, &why),
                        Some(Fed::Visit(visit)) => app.visit(*visit),
                        Some(Fed::Message(message)) => app.say(&message),
                        Some(Fed::End) => app.end(),
                        Some(Fed::Failed(error)) => return Err(error),
                        None => bail!(FEED_DIED),
                    }
                    break;
                }
                _ = terminal_check.tick() => {
                    let attributes = rustix::termios::tcgetattr(io::stdout());
                    attributes.map_err(io::Error::from).context("the terminal is gone")?;
                }
            }
        }
    }
    Ok(())
}

/// The next thing that the user wants of the feed.
fn request(app: &mut App) -> Option<Request> {
    let ask = app.question().map(Request::Ask);
    let travel = ask.or_else(|| app.travel().map(Request::Travel));
    travel.or_else(|| app.wishes_recording().then_some(Request::Write))
}

/// Passes an event to the screen. Returns whether it has to be drawn again.
fn takes(app: &mut App, event: &Event) -> bool {
    match event {
        Event::Key(key) => app.press(*key),
        Event::Paste(text) => app.paste(text),
        Event::Mouse(mouse) => app.point(*mouse),
        Event::Resize(..) | Event::FocusGained => {}
        _ => return false,
    }
    true
}

/// Reads keys in a thread of its own, since reading blocks. The thread ends with the process.
fn read_keys() -> anyhow::Result<mpsc::Receiver<io::Result<Event>>> {
    let (sender, receiver) = mpsc::channel(MAX_KEYS);
    std::thread::Builder::new()
        .name("keys".to_owned())
        .spawn(move || {
            loop {
                let event = read();
                let failed = event.is_err();
                if sender.blocking_send(event).is_err() || failed {
                    return;
                }
            }
        })
        .context("cannot read keys")?;
    Ok(receiver)
}

/// Whether the terminal is gone: its window or its connection was closed.
fn is_gone(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| {
            let number = error
                .raw_os_error()
                .map(rustix::io::Errno::from_raw_os_error);
            matches!(
                number,
                Some(rustix::io::Errno::IO | rustix::io::Errno::PIPE)
            )
        })
}
