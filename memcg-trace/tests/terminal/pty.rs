//! A pseudo-terminal that runs the program, and its screen as a terminal draws it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

use super::tool::memcg_trace;

/// More than a busy machine takes for anything that is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Pty {
    child: Child,
    keys: File,
    bytes: Receiver<Vec<u8>>,
    slave: OwnedFd,
    attributes: String,
    parser: vt100::Parser,
    /// All that the program wrote.
    written: Vec<u8>,
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

impl Pty {
    pub fn start(args: &[&str], columns: u16, rows: u16) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = open(name, flags, Mode::empty()).unwrap();
        tcsetwinsize(&slave, size(columns, rows)).unwrap();
        // The program changes them as soon as it runs.
        let attributes = format!("{:?}", tcgetattr(&slave).unwrap());
        let end = || Stdio::from(slave.try_clone().unwrap());
        let mut command = memcg_trace(args);
        command.env("TERM", "xterm-256color").env("NO_COLOR", "1");
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        let child = command.stdin(end()).stdout(end()).stderr(end());
        let child = child.spawn().unwrap();
        let keys = File::from(master);
        let mut reader = keys.try_clone().unwrap();
        let (sender, bytes) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            attributes,
            parser: vt100::Parser::new(rows, columns, 0),
            written: Vec::new(),
            child,
            keys,
            bytes,
            slave,
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Changes the size of the window: what is drawn for the old one may still be on its way.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.take();
        self.parser.screen_mut().set_size(rows, columns);
        tcsetwinsize(&self.slave, size(columns, rows)).unwrap();
    }

    fn take(&mut self) {
        while let Ok(bytes) = self.bytes.try_recv() {
            self.parser.process(&bytes);
            self.written.extend(bytes);
        }
    }

    /// The lines of the screen, without the blanks at their ends.
    pub fn lines(&mut self) -> Vec<String> {
        self.take();
        let screen = self.parser.screen();
        let (_, columns) = screen.size();
        let rows = screen.rows(0, columns);
        rows.map(|row| row.trim_end().to_owned()).collect()
    }

    /// The screen, once it is as wanted.
    pub fn until(&mut self, what: &str, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let begin = Instant::now();
        loop {
            let lines = self.lines();
            if wanted(&lines) {
                return lines;
            }
            assert!(begin.elapsed() < PATIENCE, "no {what}: {lines:#?}");
            if let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(20)) {
                self.parser.process(&bytes);
                self.written.extend(bytes);
            }
        }
    }

    pub fn until_shown(&mut self, text: &str) -> Vec<String> {
        let has = |lines: &[String]| lines.iter().any(|line| line.contains(text));
        self.until(text, has)
    }

    /// Waits for the end. The terminal has to be as it was, on its own screen, with its cursor.
    pub fn until_ended(mut self) -> (ExitStatus, String) {
        let begin = Instant::now();
        let status = loop {
            self.take();
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                begin.elapsed() < PATIENCE,
                "it does not end: {:#?}",
                self.lines()
            );
            thread::sleep(Duration::from_millis(5));
        };
        while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(200)) {
            self.parser.process(&bytes);
            self.written.extend(bytes);
        }
        assert_eq!(
            format!("{:?}", tcgetattr(&self.slave).unwrap()),
            self.attributes
        );
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor());
        (status, screen.contents())
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
