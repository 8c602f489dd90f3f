//! Names for samples: state files are read again and again.

use std::process::Command;
use std::time::{Duration, Instant};

use super::reader::{DEADLINE, Reader};
use crate::kernel::host::clock::now_ns;
use crate::sample::state_files::StateFiles;

/// Time between two readings.
const EVERY: Duration = Duration::from_secs(30);

/// The names of containers and pods, as they change.
#[derive(Debug)]
pub struct Names {
    /// `None` if it could not be started.
    reader: Option<Reader>,
    begin_ns: u64,
    /// When to read again; `None` until the last answer is complete.
    next: Option<Instant>,
    /// The names of the last answer, and whether nobody has taken them so far.
    last: StateFiles,
    is_new: bool,
}

impl Names {
    /// Starts the first reading.
    #[must_use]
    pub fn start() -> Self {
        let mut program = Command::new("/proc/self/exe");
        program.args(["state-files", "/"]).env_clear();
        let reader = Reader::start(program, DEADLINE);
        let why = reader.as_ref().err();
        let why = why.map(|error| format!("the process that reads them did not start: {error}"));
        Self {
            last: StateFiles {
                not_read: why.into_iter().collect(),
                ..StateFiles::default()
            },
            is_new: reader.is_err(),
            reader: reader.ok(),
            begin_ns: now_ns(),
            next: None,
        }
    }

    /// Waits for the answer, within its deadline.
    pub fn wait(&mut self) {
        if let Some(reader) = &mut self.reader {
            reader.wait();
        }
    }

    /// Returns the names if they have changed. Waits for nothing.
    pub fn take(&mut self) -> Option<StateFiles> {
        if let Some(reader) = &mut self.reader {
            if self.next.is_some_and(|next| next <= Instant::now()) {
                reader.ask(DEADLINE);
                self.begin_ns = now_ns();
                self.next = None;
            }
            // What comes too late is taken when it comes.
            let is_done = reader.poll();
            if self.next.is_none() && (is_done || reader.is_late()) {
                self.next = is_done.then(|| Instant::now() + EVERY);
                let files = reader.files();
                self.look_at(files);
            }
        }
        std::mem::take(&mut self.is_new).then(|| StateFiles {
            begin_ns: self.begin_ns,
            end_ns: now_ns(),
            ..self.last.clone()
        })
    }

    fn look_at(&mut self, mut files: StateFiles) {
        files.containers.sort();
        files.pods.sort();
        files.not_read.sort();
        self.is_new |= self.last != files;
        self.last = files;
    }
}
