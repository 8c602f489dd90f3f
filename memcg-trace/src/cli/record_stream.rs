//! Where `export` writes records: compressed if the name says so, and in several files if one is
//! full.

use std::io::{self, Write};

use anyhow::Context as _;
use zstd::stream::write::Encoder;

use super::args::{Common, Rotation};
use super::messages::Messages;
use super::output_file::OutputFile;
use super::rotation::OldFiles;
use crate::model::snapshot::Snapshot;

/// Fast, and small enough.
const LEVEL: i32 = 3;
/// So far back, as a power of two, the same bytes are found: 32 MiB hold a whole snapshot of a
/// thousand memory cgroups, and what changed in a minute.
const WINDOW_LOG: u32 = 25;

/// The end of a name that asks for compression.
const ZSTD: &str = "zst";

/// A stream of records. Each write is a record, and a flush is the end of a snapshot.
pub(super) struct RecordStream {
    file: OutputFile,
    encoder: Option<Encoder<'static, Vec<u8>>>,
    rotation: Option<(Rotation, OldFiles)>,
    /// Bytes in the file.
    bytes: u64,
    /// Times of the first and the last snapshot in it: CLOCK_MONOTONIC, and since 1970.
    first_ns: Option<u64>,
    last_unix_ns: i64,
}

impl RecordStream {
    /// Opens the file of `-o`, or standard output.
    pub(super) fn create(common: &Common, rotation: &Rotation) -> anyhow::Result<Self> {
        let path = common.output.as_deref();
        let rotation = match path.filter(|_| rotation.is_wanted()) {
            Some(path) => {
                let old_files = OldFiles::of(path, rotation.rotate_keep)?;
                old_files.keep_what_is_there()?;
                Some((rotation.clone(), old_files))
            }
            None => None,
        };
        let is_compressed = path.is_some_and(|path| path.extension() == Some(ZSTD.as_ref()));
        Ok(Self {
            file: OutputFile::create(path)?,
            encoder: is_compressed.then(encoder).transpose()?,
            rotation,
            bytes: 0,
            first_ns: None,
            last_unix_ns: 0,
        })
    }

    pub(super) fn name(&self) -> String {
        self.file.name()
    }

    /// Whether the file is full, so that a snapshot belongs into the next.
    pub(super) fn is_full(&self, snapshot: &Snapshot) -> bool {
        let Some(((rotation, _), first_ns)) = self.rotation.as_ref().zip(self.first_ns) else {
            return false;
        };
        let elapsed_ns = u128::from(snapshot.mono_ns.saturating_sub(first_ns));
        let is_old = |time: std::time::Duration| elapsed_ns >= time.as_nanos();
        rotation.rotate_time.is_some_and(is_old)
            || rotation.rotate_size.is_some_and(|size| self.bytes >= size)
    }

    /// Notes that a snapshot will be written.
    pub(super) fn begin(&mut self, snapshot: &Snapshot) {
        self.first_ns.get_or_insert(snapshot.mono_ns);
        self.last_unix_ns = snapshot.unix_ns;
    }

    /// Ends the file, gives it a name of its own, and starts the next.
    pub(super) fn start_next(
        &mut self,
        common: &Common,
        messages: &Messages,
    ) -> anyhow::Result<()> {
        self.end()?;
        let Some((_, old_files)) = &self.rotation else {
            return Ok(());
        };
        old_files.put_aside(self.last_unix_ns)?;
        if let Err(error) = old_files.remove_oldest() {
            messages.warn(&format!("{error:#}"));
        }
        self.file = OutputFile::create(common.output.as_deref())?;
        self.encoder = self.encoder.is_some().then(encoder).transpose()?;
        self.bytes = 0;
        self.first_ns = None;
        Ok(())
    }

    /// Ends the file.
    pub(super) fn end(&mut self) -> anyhow::Result<()> {
        let Some(encoder) = &mut self.encoder else {
            return Ok(());
        };
        encoder
            .do_finish()
            .and_then(|()| self.pass_on())
            .with_context(|| format!("cannot write to {}", self.file.name()))
    }

    /// Writes what is compressed so far.
    fn pass_on(&mut self) -> io::Result<()> {
        let Some(encoder) = &mut self.encoder else {
            return Ok(());
        };
        let bytes = std::mem::take(encoder.get_mut());
        self.bytes += bytes.len() as u64;
        self.file.write_all(&bytes)
    }
}

impl Write for RecordStream {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        self.write_all(record)?;
        Ok(record.len())
    }

    fn write_all(&mut self, record: &[u8]) -> io::Result<()> {
        if let Some(encoder) = &mut self.encoder {
            return encoder.write_all(record);
        }
        self.bytes += record.len() as u64;
        self.file.write_all(record)
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(encoder) = &mut self.encoder {
            encoder.flush()?;
            self.pass_on()?;
        }
        self.file.flush()
    }
}

fn encoder() -> anyhow::Result<Encoder<'static, Vec<u8>>> {
    let encoder = || -> io::Result<_> {
        let mut encoder = Encoder::new(Vec::new(), LEVEL)?;
        encoder.long_distance_matching(true)?;
        encoder.window_log(WINDOW_LOG)?;
        Ok(encoder)
    };
    encoder().context("cannot compress")
}
