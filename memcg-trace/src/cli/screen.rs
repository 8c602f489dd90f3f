//! The terminal of the dashboard: taken once, and restored once, at the end or by force.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use anyhow::Context as _;
use ratatui::{DefaultTerminal, Frame};
use rustix::fs::{Mode, OFlags};
use rustix::termios::{OptionalActions, QueueSelector};

/// Has the terminal report the wheel and clicks, and whether it has the focus.
const REPORT: &[u8] = b"\x1b[?1000h\x1b[?1006h\x1b[?1004h";
/// Ends that.
const REPORT_NOT: &[u8] = b"\x1b[?1004l\x1b[?1006l\x1b[?1000l";
/// Ends that, leaves the alternate screen and shows the cursor.
const LEAVE: &[u8] = b"\x1b[?1004l\x1b[?1006l\x1b[?1000l\x1b[?1049l\x1b[?25h";
/// Number of attempts to write to a terminal that accepts nothing, and the pause between them.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(10);

/// Ownership of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    Taken,
    GivenBack,
}

/// Locked while the dashboard draws: a process has only one terminal.
static STATE: Mutex<State> = Mutex::new(State::Free);

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A terminal in use by the dashboard.
pub(super) struct Screen {
    /// `None` after the terminal was restored.
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
                // The setup may have been done in part.
                let _ = ratatui::try_restore();
                *state = State::GivenBack;
            })
            .context("cannot use this terminal")?;
        // A terminal that cannot report that has its keys all the same.
        let _ = write_now(REPORT);
        Ok(Self {
            terminal: Some(terminal),
        })
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> io::Result<(u16, u16)> {
        crossterm::terminal::size()
    }

    /// Draws, unless the terminal was restored by force.
    pub(super) fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        let state = state();
        match &mut self.terminal {
            Some(terminal) if *state == State::Taken => terminal.draw(picture).map(drop),
            _ => Ok(()),
        }
    }

    /// Restores the terminal.
    pub(super) fn give_back(&mut self) {
        let mut state = state();
        let Some(mut terminal) = self.terminal.take() else {
            return;
        };
        let _ = write_now(REPORT_NOT);
        // A restored terminal must not be restored again, and an error could not be shown on one
        // that is gone: dropping would do both.
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

fn write_now(bytes: &[u8]) -> io::Result<()> {
    let mut output = io::stdout();
    output.write_all(bytes)?;
    output.flush()
}

/// Restores the terminal while the dashboard may be blocked in a write to it. Only for the code
/// that ends the program.
pub(super) fn give_back_by_force() {
    if is_given_back() {
        return;
    }
    let _ = crossterm::terminal::disable_raw_mode();
    let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    // A file of its own, so that only this writer is non-blocking.
    let terminal = match rustix::fs::open("/proc/self/fd/1", flags, Mode::empty()) {
        Ok(own) => File::from(own),
        Err(_) => match io::stdout().as_fd().try_clone_to_owned() {
            Ok(shared) => File::from(shared),
            Err(_) => return,
        },
    };
    for _ in 0..TRIES {
        // The flush drops half a picture, and makes space in the buffer.
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
        // Written even if the dashboard still draws: there may be no better moment.
        let is_written = rustix::io::write(&terminal, LEAVE).is_ok();
        if is_quiet && is_written {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Wakes tasks that sleep in a write, so that they check again for space: flushing a
/// pseudo-terminal wakes nobody, setting attributes does (`n_tty_set_termios`, drivers/tty/n_tty.c
/// at v6.12).
fn wake_writers(terminal: &File) {
    if let Ok(attributes) = rustix::termios::tcgetattr(terminal) {
        let _ = rustix::termios::tcsetattr(terminal, OptionalActions::Now, &attributes);
    }
}

/// Whether there is no terminal to restore.
fn is_given_back() -> bool {
    match STATE.try_lock() {
        Ok(state) => *state != State::Taken,
        Err(_) => false,
    }
}
