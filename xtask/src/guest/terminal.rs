//! Our terminal, lent to the program in the guest.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{env, thread};

use anyhow::{Context, Result};
use memcg_trace_guest::{Size, Terminal};
use rustix::termios::{self, OptionalActions, Termios};

/// Ctrl-], as in telnet: the way out when the guest no longer reads its input.
const ESCAPE: u8 = 0x1d;

/// Leaves the alternate screen, shows the cursor, resets colours: the cleanup of a program that was
/// killed.
const RESET: &[u8] = b"\x1b[?1049l\x1b[?25h\x1b[0m\r\n";

/// The settings of our terminal that the guest needs; `None` if there is no terminal.
pub fn ours() -> Option<Terminal> {
    let is_terminal = termios::isatty(io::stdin()) && termios::isatty(io::stdout());
    is_terminal.then(|| Terminal {
        size: size(),
        term: env::var("TERM").unwrap_or_else(|_| "linux".into()),
    })
}

/// The size of the window; 24 by 80 if the terminal does not know it.
pub fn size() -> Size {
    match termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => Size {
            rows: size.ws_row,
            columns: size.ws_col,
        },
        _ => Size {
            rows: 24,
            columns: 80,
        },
    }
}

/// Our terminal in raw mode, until dropped: on every exit but SIGKILL.
pub struct Raw {
    before: Termios,
    /// Whether the program in the guest ended by itself and restored the screen.
    pub clean: bool,
}

impl Raw {
    /// Switches to raw mode: every key, Ctrl-C too, goes to the guest.
    pub fn enter() -> Result<Self> {
        let before = termios::tcgetattr(io::stdin()).context("look at the terminal")?;
        let mut raw = before.clone();
        raw.make_raw();
        let set = termios::tcsetattr(io::stdin(), OptionalActions::Now, &raw);
        set.context("set the terminal to raw mode")?;
        Ok(Self {
            before,
            clean: false,
        })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if !self.clean {
            let mut stdout = io::stdout();
            let _ = stdout.write_all(RESET).and_then(|()| stdout.flush());
        }
        // There is no way left to report an error.
        let _ = termios::tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// Sends typed keys to the guest. The returned flag becomes true when the escape key is typed.
pub fn forward_keys(mut to: UnixStream) -> Arc<AtomicBool> {
    let escaped = Arc::new(AtomicBool::new(false));
    let flag = escaped.clone();
    // Not joined: the thread is in a read that only the next key would end.
    thread::spawn(move || {
        let mut keys = [0; 256];
        while let Ok(count @ 1..) = io::stdin().read(&mut keys) {
            let keys = keys.get(..count).unwrap_or_default();
            if keys.contains(&ESCAPE) {
                flag.store(true, Ordering::SeqCst);
            }
            if to.write_all(keys).is_err() {
                break;
            }
        }
    });
    escaped
}
