//! The output of one of several guests: whole lines with its name in front, and a copy.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// What a guest wrote so far.
pub type Copy = Arc<Mutex<Vec<u8>>>;

/// Writes lines to our standard output.
pub struct Prefixed {
    prefix: String,
    line: Vec<u8>,
    copy: Copy,
}

impl Prefixed {
    pub fn new(prefix: String, copy: Copy) -> Self {
        Self {
            prefix,
            line: Vec::new(),
            copy,
        }
    }

    fn print(&mut self) -> io::Result<()> {
        // One lock per line, so that lines of two guests do not mix.
        let mut stdout = io::stdout().lock();
        stdout.write_all(self.prefix.as_bytes())?;
        stdout.write_all(&self.line)?;
        self.line.clear();
        stdout.flush()
    }
}

impl Write for Prefixed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.copy
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
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
