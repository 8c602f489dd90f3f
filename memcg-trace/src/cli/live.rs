//! `live` and `replay`: the dashboard, and the loop that feeds it.

use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use crossterm::event::{Event, read};
use ratatui::DefaultTerminal;
use tokio::sync::mpsc;

use super::args::{self, Common};
use super::feed::Feed;
use super::messages::Messages;
use super::signals::Stop;
use crate::model::snapshot::Snapshot;
use crate::source::ask::{Ask, NOT_RECORDED};
use crate::source::replay::Pace;
use crate::tui::{self, App, Setup};

/// Keys that wait to be acted on. More are not read, and wait in the terminal.
const KEYS: usize = 64;
/// How often to look whether the terminal is still there.
const LOOK: Duration = Duration::from_secs(1);

/// What the feed has to say.
enum Fed {
    /// The next snapshot in turn.
    Snapshot(Arc<Snapshot>),
    /// What is known after a question.
    Answer(Ask, Arc<Snapshot>),
    /// Why a question has no answer.
    Unanswered(Ask, String),
    /// There is no more.
    End,
    /// It cannot go on.
    Failed(anyhow::Error),
}

/// Shows the dashboard until the user leaves.
pub(super) async fn run(
    common: &Common,
    pace: &args::Pace,
    file: Option<&Path>,
    messages: &Messages,
) -> anyhow::Result<()> {
    let mut stop = Stop::on_signals()?;
    // Before the screen is taken: what is wrong with it should be read on a plain terminal.
    let mut feed = Feed::open(common, file, Pace::Recorded(pace.speed), messages)?;
    feed.ask_for_locks();
    let mut app = App::new(Setup {
        host: feed.host().clone(),
        is_replay: feed.is_replay(),
        colour: common.colour(true),
    });
    let mut terminal = ratatui::try_init()
        .inspect_err(|_| {
            // It may have come half way.
            let _ = ratatui::try_restore();
        })
        .context("cannot use this terminal")?;
    let result = show(&mut terminal, &mut app, &mut feed, &mut stop).await;
    // If the terminal is gone there is nothing to restore, and no one to tell: its drop would
    // try both.
    if ratatui::try_restore().and(terminal.show_cursor()).is_err() {
        std::mem::forget(terminal);
    }
    feed.close(messages);
    match result {
        Err(error) if is_gone(&error) => Ok(()),
        other => other,
    }
}

/// The loop. The feed is driven by it but not interrupted by keys: what waits for the next
/// sample goes on waiting.
async fn show(
    terminal: &mut DefaultTerminal,
    app: &mut App,
    feed: &mut Feed,
    stop: &mut Stop,
) -> anyhow::Result<()> {
    let is_replay = feed.is_replay();
    let mut keys = read_keys()?;
    let (sender, mut snapshots) = mpsc::channel::<Fed>(1);
    let (asks, questions) = mpsc::channel::<Ask>(1);
    let mut feeding = pin!(feed_all(feed, sender, questions));
    let (mut is_feeding, mut is_open) = (true, true);
    let mut look = tokio::time::interval(LOOK);
    while !app.is_done() {
        let size = terminal.size().context("cannot draw")?;
        app.resize(size.width, size.height);
        terminal
            .draw(|frame| tui::draw(frame, app))
            .context("cannot draw")?;
        // Drawn before it is asked: the kernel may take its time to answer.
        // One at a time: the next one waits for its turn in the screen.
        if is_replay && let Some(ask) = app.question() {
            app.leave_unanswered(&ask, NOT_RECORDED);
            continue;
        }
        if let Ok(room) = asks.try_reserve()
            && let Some(ask) = app.question()
        {
            room.send(ask);
        }
        // A recording is held while the picture is; the kernel goes on.
        let is_held = is_replay && app.is_paused();
        loop {
            tokio::select! {
                biased;
                () = stop.asked() => return Ok(()),
                event = keys.recv() => {
                    let Some(event) = event else { return Ok(()) };
                    if takes(app, &event.context("cannot read keys")?) {
                        break;
                    }
                }
                fed = snapshots.recv(), if is_open && !is_held => {
                    match fed {
                        Some(Fed::Snapshot(snapshot)) => app.take(snapshot),
                        Some(Fed::Answer(ask, snapshot)) => app.answer(&ask, snapshot),
                        Some(Fed::Unanswered(ask, why)) => app.leave_unanswered(&ask, &why),
                        Some(Fed::End) | None => {
                            is_open = false;
                            app.end();
                        }
                        Some(Fed::Failed(error)) => return Err(error),
                    }
                    break;
                }
                () = &mut feeding, if is_feeding && !is_held => is_feeding = false,
                _ = look.tick() => {
                    let attributes = rustix::termios::tcgetattr(io::stdout());
                    attributes.map_err(io::Error::from).context("the terminal is gone")?;
                }
            }
        }
    }
    Ok(())
}

/// Hands over one snapshot after the other, until the last, and answers in between.
async fn feed_all(feed: &mut Feed, sender: mpsc::Sender<Fed>, mut questions: mpsc::Receiver<Ask>) {
    loop {
        let fed = tokio::select! {
            biased;
            Some(ask) = questions.recv() => match feed.ask(&ask) {
                Ok(Some(snapshot)) => Fed::Answer(ask, snapshot),
                Ok(None) => Fed::Unanswered(ask, NOT_RECORDED.to_owned()),
                Err(error) => Fed::Unanswered(ask, format!("{error:#}")),
            },
            next = feed.next() => match next {
                Ok(Some(snapshot)) => Fed::Snapshot(snapshot),
                Ok(None) => Fed::End,
                Err(error) => Fed::Failed(error),
            },
        };
        let is_last = matches!(fed, Fed::End | Fed::Failed(_));
        if sender.send(fed).await.is_err() || is_last {
            return;
        }
    }
}

/// Gives an event to the screen. Says whether it has to be drawn.
fn takes(app: &mut App, event: &Event) -> bool {
    match event {
        Event::Key(key) => app.press(*key),
        Event::Paste(text) => app.paste(text),
        Event::Resize(..) => {}
        _ => return false,
    }
    true
}

/// Reads keys in a thread of its own, since reading them blocks. It ends with the process.
fn read_keys() -> anyhow::Result<mpsc::Receiver<io::Result<Event>>> {
    let (sender, receiver) = mpsc::channel(KEYS);
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

/// Whether there is no terminal any more: its window was closed, or the connection is.
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
