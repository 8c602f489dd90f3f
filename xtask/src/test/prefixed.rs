//! The output of one of several guests: whole lines with its name in front, and a copy.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::times::Times;

/// What a guest wrote so far, and when its tests began.
#[derive(Clone)]
pub struct Seen(Arc<Mutex<(Vec<u8>, Times)>>);

impl Seen {
    pub fn new(times: Times) -> Self {
        Self(Arc::new(Mutex::new((Vec::new(), times))))
    }

    pub fn with<T>(&self, look: impl FnOnce(&mut Vec<u8>, &mut Times) -> T) -> T {
        let (output, times) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        look(output, times)
    }
}

/// Writes lines to our standard output, with the seconds since it was made.
pub struct Prefixed {
    name: String,
    begin: Instant,
    line: Vec<u8>,
    /// Whether the line is known for that of a test.
    is_noted: bool,
    seen: Option<Seen>,
}

impl Prefixed {
    /// Of a guest, by its name; what it writes is noted in `seen`.
    pub fn new(name: String, seen: Option<Seen>) -> Self {
        Self {
            name,
            begin: Instant::now(),
            line: Vec::new(),
            is_noted: false,
            seen,
        }
    }

    fn print(&mut self) -> io::Result<()> {
        // One lock per line, so that lines of two guests do not mix.
        let mut stdout = io::stdout().lock();
        let seconds = self.begin.elapsed().as_secs();
        write!(stdout, "[{} {seconds:>3} s] ", self.name)?;
        stdout.write_all(&self.line)?;
        self.line.clear();
        self.is_noted = false;
        stdout.flush()
    }

    /// A test's name comes without the line's end, which comes with what it prints.
    fn note(&mut self) {
        if let Some(seen) = self.seen.as_ref().filter(|_| !self.is_noted) {
            self.is_noted = seen.with(|_, times| times.see(&self.line));
        }
    }
}

impl Write for Prefixed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(seen) = &self.seen {
            seen.with(|output, _| output.extend_from_slice(bytes));
        }
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
    /// A last line without an end is often the one that tells why.
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.line.push(b'\n');
            let _ = self.print();
        }
    }
}
