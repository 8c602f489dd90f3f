//! The bytes of a file in the order in which they are stored.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anyhow::{Context as _, ensure};

use super::errors::Malformed;

/// A file whose size is known.
pub(super) struct PlainFile {
    file: File,
    pub(super) bytes: u64,
}

impl PlainFile {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).context("open the dump")?;
        let metadata = file.metadata().context("look at the dump")?;
        ensure!(metadata.is_file(), "a dump is a file, and this is none");
        let bytes = metadata.len();
        Ok(Self { file, bytes })
    }

    /// Fills `out` with the bytes at `offset`, which are part of `what`.
    pub(super) fn read(
        &self,
        what: &'static str,
        offset: u64,
        out: &mut [u8],
    ) -> Result<(), Malformed> {
        self.file.read_exact_at(out, offset).map_err(|error| {
            let why = match error.kind() {
                ErrorKind::UnexpectedEof => "the file ends before: it is cut off".to_owned(),
                _ => error.to_string(),
            };
            Malformed::new(what, offset, why)
        })
    }
}
