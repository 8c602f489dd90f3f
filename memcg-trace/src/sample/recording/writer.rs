//! Writing recordings: samples as frames.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use super::{Error, Header, LENGTH_BYTES, MAGIC, MAX_FRAME_BYTES, MAX_SAMPLE_BYTES, decode};
use crate::sample::Sample;

/// Bytes of a sample's text that are compressed at a time.
const TEXT_BUFFER_BYTES: usize = 64 << 10;
/// Fast, and small enough: samples shrink to a tenth.
pub(super) const LEVEL: i32 = 3;

fn writing(frame: u64, error: io::Error) -> Error {
    Error::Io {
        operation: "writing",
        frame,
        error,
    }
}

/// The first bytes of a recording.
///
/// # Errors
/// Never for a header of this version.
pub fn start(header: &Header) -> Result<Vec<u8>, Error> {
    let mut start = MAGIC.to_vec();
    serde_json::to_writer(&mut start, header).map_err(|error| Error::Header(error.to_string()))?;
    start.push(b'\n');
    Ok(start)
}

/// A sample as a frame; `number` is for errors. The text of the sample is never in memory as a
/// whole.
///
/// # Errors
/// If it is too large.
fn frame(sample: &Sample, number: u64) -> Result<Vec<u8>, Error> {
    let too_long = |bytes, limit| Error::TooLong {
        frame: number,
        bytes,
        limit,
    };
    let io_error = |error| writing(number, error);
    let mut frame = vec![0; LENGTH_BYTES];
    let encoder = zstd::stream::write::Encoder::new(&mut frame, LEVEL).map_err(io_error)?;
    let mut text = BufWriter::with_capacity(TEXT_BUFFER_BYTES, Counting { encoder, bytes: 0 });
    let written = serde_json::to_writer(&mut text, sample).map_err(io::Error::from);
    written.and_then(|()| text.flush()).map_err(io_error)?;
    let counting = text
        .into_inner()
        .map_err(|error| io_error(error.into_error()))?;
    let Counting { encoder, bytes } = counting;
    encoder.finish().map_err(io_error)?;
    if bytes > MAX_SAMPLE_BYTES as u64 {
        return Err(too_long(bytes, MAX_SAMPLE_BYTES));
    }
    let packed = frame.len() - LENGTH_BYTES;
    let length = u32::try_from(packed)
        .ok()
        .filter(|_| packed <= MAX_FRAME_BYTES)
        .ok_or_else(|| too_long(packed as u64, MAX_FRAME_BYTES))?;
    frame[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    Ok(frame)
}

/// Compresses what is written to it up to the limit of a sample, and counts all of it.
struct Counting<E> {
    encoder: E,
    bytes: u64,
}

impl<E: Write> Write for Counting<E> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.bytes += text.len() as u64;
        if self.bytes <= MAX_SAMPLE_BYTES as u64 {
            self.encoder.write_all(text)?;
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a recording in whole lines and whole frames, one `write_all` each.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    frame: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a recording.
    ///
    /// # Errors
    /// If the header cannot be written.
    pub fn new(mut output: W, header: &Header) -> Result<Self, Error> {
        let start = start(header)?;
        output
            .write_all(&start)
            .and_then(|()| output.flush())
            .map_err(|error| writing(0, error))?;
        Ok(Self { output, frame: 0 })
    }

    /// Appends a sample.
    ///
    /// # Errors
    /// If it is too large or cannot be written. In the latter case the output may end in a part
    /// of the frame; where it is a file, its owner should cut that off.
    pub fn write_sample(&mut self, sample: &Sample) -> Result<(), Error> {
        self.write_encoded(&Encoded::as_frame(sample, self.frame)?)
    }

    /// Appends a sample that is encoded already.
    ///
    /// # Errors
    /// As [`Writer::write_sample`].
    pub fn write_encoded(&mut self, sample: &Encoded) -> Result<(), Error> {
        self.output
            .write_all(&sample.frame)
            .and_then(|()| self.output.flush())
            .map_err(|error| writing(self.frame, error))?;
        self.frame += 1;
        Ok(())
    }
}

/// A sample as recordings have it. A copy shares its bytes.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// Time of the sample, CLOCK_MONOTONIC.
    pub mono_ns: u64,
    /// The same moment, nanoseconds since 1970.
    pub unix_ns: i64,
    frame: Arc<[u8]>,
}

impl Encoded {
    /// Encodes a sample.
    ///
    /// # Errors
    /// If it is too large.
    pub fn of(sample: &Sample) -> Result<Self, Error> {
        Self::as_frame(sample, 0)
    }

    /// Encodes a sample, which errors call by its number in the recording.
    fn as_frame(sample: &Sample, number: u64) -> Result<Self, Error> {
        Ok(Self {
            mono_ns: sample.mono_ns,
            unix_ns: sample.unix_ns,
            frame: frame(sample, number)?.into(),
        })
    }

    /// So many bytes, which are no sample.
    #[cfg(test)]
    pub(in crate::sample) fn of_bytes(mono_ns: u64, bytes: usize) -> Self {
        Self {
            mono_ns,
            unix_ns: 0,
            frame: vec![0; bytes].into(),
        }
    }

    /// Returns the sample again.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn sample(&self) -> Result<Sample, Error> {
        decode(self.frame.get(LENGTH_BYTES..).unwrap_or_default()).map_err(|why| Error::Frame {
            frame: 0,
            offset: 0,
            why,
        })
    }

    /// Its frame in a recording.
    #[must_use]
    pub fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// Returns the bytes that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.frame.len()
    }
}
