//! Output of one of several guests: whole lines with the guest's name in front, and a copy.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::times::Times;

/// The output of a guest so far, and the times of its tests.
pub struct Output {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub times: Times,
}

impl Output {
    pub fn new(times: Times) -> Self {
        Self {
            stdout: Vec::new(),
            stderr: Vec::new(),
            times,
        }
    }
}

/// The output, which the writers of a guest share.
#[derive(Clone)]
pub struct Seen(Arc<Mutex<Output>>);

impl Seen {
    pub fn new(output: Output) -> Self {
        Self(Arc::new(Mutex::new(output)))
    }

    pub fn with<T>(&self, look: impl FnOnce(&mut Output) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// Writes lines to our standard output, with the seconds since the start of the writer.
pub struct Prefixed {
    name: String,
    begin: Instant,
    line: Vec<u8>,
    /// Whether the line is known to be the line of a test.
    is_noted: bool,
    stream: Stream,
    seen: Seen,
}

impl Prefixed {
    /// A writer for a stream of a guest, by its name; the output is noted in `seen`.
    pub fn new(name: String, stream: Stream, seen: Seen) -> Self {
        Self {
            name,
            stream,
            begin: Instant::now(),
            line: Vec::new(),
            is_noted: false,
            seen,
        }
    }

    fn print(&mut self) -> io::Result<()> {
        // One lock for each line, so that lines of two guests do not mix.
        let mut stdout = io::stdout().lock();
        let seconds = self.begin.elapsed().as_secs();
        write!(stdout, "[{} {seconds:>3} s] ", self.name)?;
        stdout.write_all(&self.line)?;
        self.line.clear();
        self.is_noted = false;
        stdout.flush()
    }

    /// Notes the name of a test, which comes without the line's end: that comes after the output of
    /// the test.
    fn note(&mut self) {
        if self.stream == Stream::Stdout && !self.is_noted {
            self.is_noted = self.seen.with(|output| output.times.see(&self.line));
        }
    }
}

impl Write for Prefixed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.seen.with(|output| {
            let output = match self.stream {
                Stream::Stdout => &mut output.stdout,
                Stream::Stderr => &mut output.stderr,
            };
            output.extend_from_slice(bytes);
        });
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            self.note();
            if part.ends_with(b"\n") {
                self.print()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Prefixed {
    /// Prints a last line without an end: it is often the one that has the reason.
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.line.push(b'\n');
            let _ = self.print();
        }
    }
}
