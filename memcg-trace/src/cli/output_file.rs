//! Standard output, or the file of `-o`: whole records or nothing.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The destination of records. Not buffered: each `write_all` is a record, and if one fails, its
/// part is cut off again if the output is a file that this program created.
#[derive(Debug)]
pub(super) struct OutputFile {
    file: File,
    /// Path of `-o`.
    path: Option<PathBuf>,
    /// Bytes of all whole records.
    whole_bytes: u64,
}

impl OutputFile {
    /// Creates the file, or takes standard output.
    pub(super) fn create(path: Option<&Path>) -> anyhow::Result<Self> {
        let file = match path {
            Some(path) => {
                File::create(path).with_context(|| format!("cannot write to {}", path.display()))?
            }
            None => io::stdout()
                .as_fd()
                .try_clone_to_owned()
                .context("cannot write to standard output")?
                .into(),
        };
        Ok(Self {
            file,
            path: path.map(Path::to_owned),
            whole_bytes: 0,
        })
    }

    /// Name of the output, for messages.
    pub(super) fn name(&self) -> String {
        match &self.path {
            Some(path) => path.display().to_string(),
            None => "standard output".to_owned(),
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn write_all(&mut self, record: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(record);
        match &written {
            Ok(()) => self.whole_bytes += record.len() as u64,
            // A device or a pipe has no length to set.
            Err(_) if self.path.is_some() => {
                let _ = self.file.set_len(self.whole_bytes);
            }
            Err(_) => {}
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
