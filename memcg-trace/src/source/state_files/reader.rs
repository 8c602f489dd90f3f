//! Reads state files by a child process, within a deadline.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::child::KINDS;
use super::found::Found;
use crate::kernel::host::privilege::give_up_attaching;
use crate::sample::state_files::StateFiles;

/// The time that all files have to be read.
pub const DEADLINE: Duration = Duration::from_secs(2);
/// The most names that are kept.
const MAX_NAMES: usize = 20_000;
/// The most bytes of a line: names are short, and so are paths in messages.
const MAX_LINE_BYTES: u64 = 64 << 10;
/// The most lines of what could not be read.
const MAX_NOT_READ: usize = 16;

/// A child that reads state files whenever it is asked.
///
/// A process, not a thread: one that hangs in the kernel would keep our own process from ending.
/// Started once, for on a sick host the kernel may let nobody start another.
#[derive(Debug)]
pub struct Reader {
    child: Child,
    answer: Receiver<Found>,
    files: StateFiles,
    /// The kinds of files that are still being read.
    open: Vec<&'static str>,
    deadline: Instant,
    has_ended: bool,
}

impl Reader {
    /// Starts the child, and asks it.
    ///
    /// # Errors
    /// If the kernel refuses to start it.
    pub fn start(mut program: Command, deadline: Duration) -> io::Result<Self> {
        let program = program.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = program.stderr(Stdio::null()).spawn()?;
        let (tell, answer) = channel();
        let output = child.stdout.take();
        let mut reader = Self {
            child,
            answer,
            files: StateFiles::default(),
            open: Vec::new(),
            deadline: Instant::now(),
            has_ended: false,
        };
        if let Some(output) = output {
            thread::Builder::new().spawn(move || {
                let _ = give_up_attaching();
                listen(output, &tell);
            })?;
        }
        reader.ask(deadline);
        Ok(reader)
    }

    /// Asks again, unless the last answer is not complete.
    pub fn ask(&mut self, deadline: Duration) {
        if !self.is_done() {
            return;
        }
        self.files = StateFiles::default();
        self.open = KINDS.map(|(kind, _)| kind).to_vec();
        self.deadline = Instant::now() + deadline;
        // A byte never fills the pipe.
        let input = self.child.stdin.as_mut();
        self.has_ended = input.is_none_or(|input| input.write_all(b"?").is_err());
    }

    /// Waits until all is read or the deadline is over.
    pub fn wait(&mut self) {
        while !self.is_done() && !self.has_ended {
            let left = self.deadline.saturating_duration_since(Instant::now());
            match self.answer.recv_timeout(left) {
                Ok(found) => self.take(found),
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => self.has_ended = true,
            }
        }
    }

    /// Takes what has come, without waiting. Returns whether it is complete.
    pub fn poll(&mut self) -> bool {
        loop {
            match self.answer.try_recv() {
                Ok(found) => self.take(found),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.has_ended = true;
                    break;
                }
            }
        }
        self.is_done()
    }

    /// Returns whether the last answer is complete.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.open.is_empty()
    }

    /// Returns whether waiting for the rest of the answer is in vain.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.has_ended || self.deadline <= Instant::now()
    }

    /// Returns what has been read, and what has not.
    #[must_use]
    pub fn files(&self) -> StateFiles {
        let mut files = self.files.clone();
        let why = match self.has_ended {
            true => "the process that reads them ended",
            false => "did not answer in time",
        };
        let open = self.open.iter().map(|kind| format!("{kind}: {why}"));
        files.not_read.extend(open);
        files
    }

    fn take(&mut self, found: Found) {
        let files = &mut self.files;
        let has_room = files.containers.len() + files.pods.len() < MAX_NAMES;
        match found {
            Found::Container(container) if has_room => files.containers.push(container),
            Found::Pod(pod) if has_room => files.pods.push(pod),
            Found::Container(_) | Found::Pod(_) => {
                self.note(format!("only {MAX_NAMES} names were taken"));
            }
            Found::NotRead(line) => self.note(line),
            Found::Done(kind) => self.open.retain(|open| *open != kind),
        }
    }

    fn note(&mut self, line: String) {
        let lines = &mut self.files.not_read;
        if lines.len() < MAX_NOT_READ && !lines.contains(&line) {
            lines.push(line);
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // One that hangs in the kernel ends when it can, and nobody waits for that.
        let _ = self.child.kill();
        let _ = self.child.try_wait();
    }
}

/// Passes on the lines of the child, until it ends or writes something else.
fn listen(output: ChildStdout, tell: &Sender<Found>) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = output
            .by_ref()
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut line);
        let found = serde_json::from_slice::<Found>(&line);
        let (Ok(1..), Ok(found)) = (read, found) else {
            return;
        };
        if tell.send(found).is_err() {
            return;
        }
    }
}
