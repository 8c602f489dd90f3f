//! A pseudo-terminal that runs the program, and its screen.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

use crate::host::eventually;
use crate::tool;

/// Capacity for chunks of unread output.
const MANY: usize = 1 << 16;

pub struct Terminal {
    child: Child,
    keys: File,
    bytes: Receiver<Vec<u8>>,
    /// Kept open, so that its attributes can be read.
    slave: OwnedFd,
    attributes: String,
    /// All bytes written to the terminal.
    written: Vec<u8>,
    rows: u16,
    columns: u16,
}

impl Terminal {
    /// Runs the program on a terminal of a size.
    pub fn start(args: &[&str], columns: u16, rows: u16) -> Self {
        Self::buffered(usize::MAX, args, columns, rows)
    }

    /// The same, but nothing is read until the test reads the screen.
    pub fn start_unread(args: &[&str], columns: u16, rows: u16) -> Self {
        Self::buffered(1, args, columns, rows)
    }

    fn buffered(chunks: usize, args: &[&str], columns: u16, rows: u16) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = open(name, flags, Mode::empty()).unwrap();
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&slave, size).unwrap();
        let end = || slave.try_clone().unwrap();
        let child = tool::command(args)
            .env("TERM", "xterm-256color")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let keys = File::from(master);
        let mut reader = keys.try_clone().unwrap();
        let (sender, bytes) = mpsc::sync_channel(chunks.min(MANY));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            attributes: format!("{:?}", tcgetattr(&slave).unwrap()),
            child,
            keys,
            bytes,
            slave,
            written: Vec::new(),
            rows,
            columns,
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Goes to a tab of the dashboard.
    pub fn go(&mut self, tab: &str) {
        let bar = |lines: &[String]| {
            let is_bar = |line: &&String| line.contains("shrinkers") && line.contains("findings");
            lines.iter().find(is_bar).cloned()
        };
        let mut lines = self.until("the tab bar", |lines| bar(lines).is_some());
        while !bar(&lines).is_some_and(|bar| bar.contains(&format!("[{tab}]"))) {
            let before = bar(&lines);
            self.press("\t");
            lines = self.until("another tab", |lines| {
                bar(lines).is_some() && bar(lines) != before
            });
        }
    }

    /// Waits until the program cannot write any more.
    pub fn until_stuck(&mut self) {
        let stack = format!("/proc/{0}/task/{0}/stack", self.pid());
        eventually("a full terminal", || {
            // Each tab is drawn.
            self.press("\t");
            let stack = std::fs::read_to_string(&stack).unwrap();
            stack.contains("n_tty_write").then_some(()).ok_or(stack)
        });
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the lines of the screen, once `wanted` accepts them.
    pub fn until(&mut self, what: &str, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        eventually(what, || {
            while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(50)) {
                self.written.extend(bytes);
            }
            let lines = screen(&self.written, self.columns.into(), self.rows.into());
            if wanted(&lines) {
                Ok(lines)
            } else {
                Err(format!("{lines:#?}"))
            }
        })
    }

    /// Waits until the terminal is restored, while the program may still run.
    pub fn until_given_back(&mut self) {
        eventually("the terminal", || {
            while let Ok(bytes) = self.bytes.try_recv() {
                self.written.extend(bytes);
            }
            let after = format!("{:?}", tcgetattr(&self.slave).unwrap());
            (after == self.attributes).then_some(()).ok_or(after)
        });
    }

    /// Waits for the program's end, and returns its exit code. The terminal must be restored.
    pub fn end(mut self) -> Option<i32> {
        let status = eventually("the end", || {
            self.child
                .try_wait()
                .unwrap()
                .ok_or_else(|| "still running".to_owned())
        });
        // The last output may still be on its way.
        eventually("the cursor and the first screen", || {
            while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(50)) {
                self.written.extend(bytes);
            }
            let text = String::from_utf8_lossy(&self.written);
            match ["\x1b[?1049l", "\x1b[?25h"].map(|code| text.contains(code)) {
                [true, true] => Ok(()),
                _ => Err(text.into_owned()),
            }
        });
        let after = format!("{:?}", tcgetattr(&self.slave).unwrap());
        assert_eq!(after, self.attributes, "the terminal's attributes");
        let text = String::from_utf8_lossy(&self.written);
        let last = |code: &str| text.rfind(code).unwrap_or_else(|| panic!("no {code:?}"));
        assert!(
            last("\x1b[?1049l") > last("\x1b[?1049h"),
            "the other screen"
        );
        assert!(last("\x1b[?25h") > last("\x1b[?25l"), "the cursor");
        status.code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The screen of a terminal after these bytes, as far as the program's output needs it.
fn screen(bytes: &[u8], columns: usize, rows: usize) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut cells = vec![vec![' '; columns]; rows];
    let (mut x, mut y) = (0, 0);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\x1b' {
            if let Some(cell) = cells
                .get_mut(y)
                .and_then(|line: &mut Vec<char>| line.get_mut(x))
            {
                *cell = c;
            }
            x += 1;
            continue;
        }
        // CSI, parameters, a letter; the program uses no other sequences.
        assert_eq!(
            chars.next(),
            Some('['),
            "an escape sequence of another kind"
        );
        let mut parameters = String::new();
        let Some(letter) = chars.by_ref().find(|c| {
            if !c.is_ascii_alphabetic() {
                parameters.push(*c);
            }
            c.is_ascii_alphabetic()
        }) else {
            break;
        };
        match letter {
            'H' => {
                let mut at = parameters
                    .split(';')
                    .map(|one| one.parse().unwrap_or(1_usize) - 1);
                (y, x) = (at.next().unwrap_or(0), at.next().unwrap_or(0));
            }
            'J' => cells = vec![vec![' '; columns]; rows],
            _ => {}
        }
    }
    let line = |cells: Vec<char>| cells.into_iter().collect::<String>().trim_end().to_owned();
    cells.into_iter().map(line).collect()
}
