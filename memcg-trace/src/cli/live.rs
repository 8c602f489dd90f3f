//! `live` and `replay`: the dashboard, and the loop that feeds it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use crossterm::event::{Event, read};
use tokio::sync::{mpsc, watch};

use super::args::{self, Common};
use super::exit_codes::DONE;
use super::feed::Feed;
use super::messages::Messages;
use super::screen::Screen;
use super::signals::Stop;
use crate::model::snapshot::Snapshot;
use crate::sample::ask::{Ask, NOT_RECORDED};
use crate::source::replay::Pace;
use crate::tui::{self, App, Setup};

/// Maximum number of keys in the queue. Others wait in the terminal.
const MAX_KEYS: usize = 64;
/// Interval for checking that the terminal still exists.
const TERMINAL_CHECK: Duration = Duration::from_secs(1);

const FEED_DIED: &str = "the thread that waits for the kernel has died";

/// A message from the feed.
enum Fed {
    /// The next periodic snapshot.
    Snapshot(Arc<Snapshot>),
    /// A snapshot with the answer to a question.
    Answer(Ask, Arc<Snapshot>),
    /// The reason why a question has no answer.
    Unanswered(Ask, String),
    /// The end of the recording.
    End,
    /// An error that ends the feed.
    Failed(anyhow::Error),
}

/// Shows the dashboard until the user leaves.
pub(super) async fn run(
    common: &Common,
    pace: &args::Pace,
    file: Option<&Path>,
    messages: &Messages,
) -> anyhow::Result<u8> {
    let mut stop = Stop::on_signals(DONE)?;
    // Opened before the screen is taken, so that errors can be read on a plain terminal.
    let mut feed = Feed::open(common, file, Pace::Recorded(pace.speed), messages)?;
    feed.ask_for_locks();
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
    let ended = messages.while_detaching(!is_replay, || feeding.end());
    let ended = ended.map(|notes| notes.iter().for_each(|note| messages.warn(note)));
    match result.and(ended) {
        Err(error) if is_gone(&error) => Ok(DONE),
        other => other.map(|()| DONE),
    }
}

/// A thread that waits for the kernel, so that the screen does not have to.
struct Feeding {
    asks: mpsc::Sender<Ask>,
    /// Whether the screen is paused, so that the next snapshot has to wait.
    held: watch::Sender<bool>,
    thread: JoinHandle<Feed>,
}

impl Feeding {
    fn start(mut feed: Feed) -> anyhow::Result<(Self, mpsc::Receiver<Fed>)> {
        let (sender, fed) = mpsc::channel::<Fed>(1);
        let (asks, questions) = mpsc::channel::<Ask>(1);
        let (held, is_held) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("feed".to_owned())
            .spawn(move || {
                runtime.block_on(feed_all(&mut feed, sender, questions, is_held));
                feed
            })
            .context("cannot wait for the kernel")?;
        let feeding = Self { asks, held, thread };
        Ok((feeding, fed))
    }

    /// Releases the source, after the kernel has answered the last question. Returns messages for
    /// the user.
    fn end(self) -> anyhow::Result<Vec<String>> {
        drop((self.asks, self.held));
        let feed = self.thread.join().map_err(|_| anyhow!(FEED_DIED))?;
        Ok(feed.detach())
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
    let mut is_open = true;
    let mut terminal_check = tokio::time::interval(TERMINAL_CHECK);
    while !app.is_done() {
        let (columns, rows) = screen.size().context("cannot draw")?;
        app.resize(columns, rows);
        screen
            .draw(|frame| tui::draw(frame, app))
            .context("cannot draw")?;
        // The question is sent after drawing, since the kernel may need a while to answer. Only one
        // is in progress; the next one stays in the app.
        if is_replay && let Some(ask) = app.question() {
            app.leave_unanswered(&ask, NOT_RECORDED);
            continue;
        }
        if let Ok(room) = feeding.asks.try_reserve()
            && let Some(ask) = app.question()
        {
            room.send(ask);
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
                    if takes(app, &event.context("cannot read keys")?) {
                        break;
                    }
                }
                next = fed.recv(), if is_open && !is_held => {
                    match next {
                        Some(Fed::Snapshot(snapshot)) => app.take(snapshot),
                        Some(Fed::Answer(ask, snapshot)) => app.answer(&ask, snapshot),
                        Some(Fed::Unanswered(ask, why)) => app.leave_unanswered(&ask, &why),
                        Some(Fed::End) => {
                            is_open = false;
                            app.end();
                        }
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

/// Sends one snapshot after the other, with answers in between, until the last or until the
/// receiver is gone.
async fn feed_all(
    feed: &mut Feed,
    sender: mpsc::Sender<Fed>,
    mut questions: mpsc::Receiver<Ask>,
    mut is_held: watch::Receiver<bool>,
) {
    loop {
        let fed = tokio::select! {
            biased;
            ask = questions.recv() => match ask {
                None => return,
                Some(ask) => match feed.ask(&ask) {
                    Ok(Some(snapshot)) => Fed::Answer(ask, snapshot),
                    Ok(None) => Fed::Unanswered(ask, NOT_RECORDED.to_owned()),
                    Err(error) => Fed::Unanswered(ask, format!("{error:#}")),
                },
            },
            next = next(feed, &mut is_held) => match next {
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

/// Reads the next snapshot, once the screen is not paused.
async fn next(
    feed: &mut Feed,
    is_held: &mut watch::Receiver<bool>,
) -> anyhow::Result<Option<Arc<Snapshot>>> {
    // An error means that the sender is gone, so that nothing is paused.
    let _ = is_held.wait_for(|is_held| !is_held).await;
    feed.next().await
}

/// Passes an event to the screen. Returns whether it has to be drawn again.
fn takes(app: &mut App, event: &Event) -> bool {
    match event {
        Event::Key(key) => app.press(*key),
        Event::Paste(text) => app.paste(text),
        Event::Resize(..) => {}
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
