//! The terminal while the dashboard has it: taken once, and given back once, by whoever is first.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use anyhow::Context as _;
use ratatui::{DefaultTerminal, Frame};
use rustix::fs::{Mode, OFlags};
use rustix::termios::{OptionalActions, QueueSelector};

/// Leaves the other screen and shows the cursor.
const LEAVE: &[u8] = b"\x1b[?1049l\x1b[?25h";
/// How often, and after what pause, a terminal is tried that takes nothing.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(10);

/// Whose the terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    Taken,
    GivenBack,
}

/// Locked while something is drawn: a process has but one terminal.
static STATE: Mutex<State> = Mutex::new(State::Free);

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A terminal that was taken.
pub(super) struct Screen {
    /// `None` once it is gone.
    terminal: Option<DefaultTerminal>,
}

impl Screen {
    /// Takes the terminal, unless the program has been ended.
    pub(super) fn take() -> anyhow::Result<Self> {
        let mut state = state();
        if *state != State::Free {
            return Ok(Self { terminal: None });
        }
        *state = State::Taken;
        let terminal = ratatui::try_init()
            .inspect_err(|_| {
                // It may have come half way.
                let _ = ratatui::try_restore();
                *state = State::GivenBack;
            })
            .context("cannot use this terminal")?;
        Ok(Self {
            terminal: Some(terminal),
        })
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> io::Result<(u16, u16)> {
        crossterm::terminal::size()
    }

    /// Draws, if the terminal is still ours.
    pub(super) fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        let state = state();
        match &mut self.terminal {
            Some(terminal) if *state == State::Taken => terminal.draw(picture).map(drop),
            _ => Ok(()),
        }
    }

    /// Leaves the terminal as it was.
    pub(super) fn give_back(&mut self) {
        let mut state = state();
        let Some(mut terminal) = self.terminal.take() else {
            return;
        };
        // Where it is gone there is nothing to restore, and no one to tell: a drop would try both.
        if *state != State::Taken || ratatui::try_restore().and(terminal.show_cursor()).is_err() {
            std::mem::forget(terminal);
        }
        *state = State::GivenBack;
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Leaves the terminal as it was, whatever the dashboard does at the moment: what it writes may be
/// stuck in a terminal that takes nothing. Only for who ends the program.
pub(super) fn give_back_by_force() {
    if is_given_back() {
        return;
    }
    let _ = crossterm::terminal::disable_raw_mode();
    let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    // Opened anew, so that only this writer does not wait.
    let terminal = match rustix::fs::open("/proc/self/fd/1", flags, Mode::empty()) {
        Ok(own) => File::from(own),
        Err(_) => match io::stdout().as_fd().try_clone_to_owned() {
            Ok(shared) => File::from(shared),
            Err(_) => return,
        },
    };
    for _ in 0..TRIES {
        // What it did not take is half a picture. Without it there is room.
        let _ = rustix::termios::tcflush(&terminal, QueueSelector::OFlush);
        wake_writers(&terminal);
        let is_quiet = match STATE.try_lock() {
            Ok(mut state) => {
                *state = State::GivenBack;
                true
            }
            Err(TryLockError::Poisoned(_)) => true,
            Err(TryLockError::WouldBlock) => false,
        };
        // Written in any case: nobody knows whether there will be a better moment.
        let is_written = rustix::io::write(&terminal, LEAVE).is_ok();
        if is_quiet && is_written {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Lets whoever sleeps in a write look again whether there is room: flushing a pseudo-terminal
/// wakes nobody, setting attributes does (`n_tty_set_termios`, drivers/tty/n_tty.c at v6.12).
fn wake_writers(terminal: &File) {
    if let Ok(attributes) = rustix::termios::tcgetattr(terminal) {
        let _ = rustix::termios::tcsetattr(terminal, OptionalActions::Now, &attributes);
    }
}

/// Whether there is nothing to be given back.
fn is_given_back() -> bool {
    match STATE.try_lock() {
        Ok(state) => *state != State::Taken,
        Err(_) => false,
    }
}
