//! The recording format: samples in a file.
//!
//! ```text
//! memcg-trace recording\n                 the magic line
//! {"format":1,"host":…}\n                 the header
//! u32 LE: n, then n bytes                 a frame: one sample, JSON, zstd; and so on
//! ```
//! Fields are named: a reader ignores unknown fields and takes missing ones as "not read", so that
//! old recordings stay readable. Each frame is compressed by itself: a recording whose host died
//! can be read up to its last whole frame.
//!
//! A recording may come from anyone: nothing in it is trusted, and reading it takes bounded memory.

mod outline;
mod writer;

use std::io::{self, Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use self::outline::Outline;
pub use self::writer::{Encoded, Writer, start};
use super::incident::Incident;
use super::{Sample, Text};

/// The first line.
const MAGIC: &[u8] = b"memcg-trace recording\n";
/// The format that this version writes, and the newest that it reads.
pub const FORMAT: u32 = 1;
/// Bytes of a header line.
const MAX_HEADER_BYTES: usize = 64 << 10;
/// Bytes of a frame in the file.
const MAX_FRAME_BYTES: usize = 64 << 20;
/// Bytes of a frame's JSON; 100,000 memcgs take some 40 MB.
const MAX_SAMPLE_BYTES: usize = 256 << 20;
/// Bytes of a frame's length.
const LENGTH_BYTES: usize = 4;

/// The host, and its boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Host {
    /// Its name.
    pub host: Text,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: Text,
    /// Its kernel's release.
    pub kernel: Text,
}

/// The header: the second line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Header {
    /// See [`FORMAT`].
    pub format: u32,
    /// Version of the program that wrote it.
    pub version: String,
    /// The recorded host.
    #[serde(flatten)]
    pub host: Host,
    /// The start of the recording, nanoseconds since 1970.
    pub start_unix_ns: i64,
    /// The incident that it is of, where a black box wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<Box<Incident>>,
}

/// The reason why a recording cannot be read or written.
#[derive(Debug, Error)]
pub enum Error {
    /// The file is not a recording.
    #[error("not a recording of memcg-trace")]
    NotARecording,
    /// The second line is too long, cut off or not JSON.
    #[error("its header is damaged: {0}")]
    Header(String),
    /// The format is of a later version.
    #[error("its format is {0}, and this version reads up to {FORMAT}: use a newer memcg-trace")]
    Format(u32),
    /// Too many bytes in a frame, on the way in or out.
    #[error("frame {frame} has {bytes} bytes, more than the limit of {limit}")]
    TooLong {
        /// From 0.
        frame: u64,
        /// As its length says.
        bytes: u64,
        /// The bound.
        limit: usize,
    },
    /// A frame that holds no sample.
    #[error("frame {frame} at byte {offset} is damaged: {why}")]
    Frame {
        /// From 0.
        frame: u64,
        /// The offset in the file.
        offset: u64,
        /// The reason in one line.
        why: String,
    },
    /// The file could not be read or written.
    #[error("{operation} frame {frame}: {error}")]
    Io {
        /// `reading`, `encoding` or `writing`.
        operation: &'static str,
        /// From 0.
        frame: u64,
        /// The system's error.
        #[source]
        error: io::Error,
    },
}

/// Reads a recording.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    header: Header,
    frame: u64,
    offset: u64,
    is_cut: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// If the file is not a recording, or has a later format.
    pub fn open(mut input: R) -> Result<Self, Error> {
        let io_error = |error| Error::Io {
            operation: "reading the header before",
            frame: 0,
            error,
        };
        let mut magic = Vec::new();
        input
            .by_ref()
            .take(MAGIC.len() as u64)
            .read_to_end(&mut magic)
            .map_err(io_error)?;
        if magic != MAGIC {
            return Err(Error::NotARecording);
        }
        let mut line = Vec::new();
        let mut byte = [0];
        loop {
            match input.read(&mut byte) {
                Ok(0) => return Err(Error::Header("it is cut off".to_owned())),
                Ok(_) if byte == *b"\n" => break,
                Ok(_) if line.len() == MAX_HEADER_BYTES => {
                    return Err(Error::Header(format!(
                        "longer than {MAX_HEADER_BYTES} bytes"
                    )));
                }
                Ok(_) => line.push(byte[0]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io_error(error)),
            }
        }
        let header: Header =
            serde_json::from_slice(&line).map_err(|error| Error::Header(error.to_string()))?;
        if header.format > FORMAT {
            return Err(Error::Format(header.format));
        }
        let offset = (MAGIC.len() + line.len() + 1) as u64;
        Ok(Self {
            input,
            header,
            frame: 0,
            offset,
            is_cut: false,
        })
    }

    /// Returns the header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the offset of the next frame in the file.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns whether the file ends within a frame, because its writer was stopped. Known at the
    /// end.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Returns the next sample; `None` at the end, even within a frame.
    ///
    /// # Errors
    /// If the file cannot be read, or the next frame is not a sample.
    pub fn read_sample(&mut self) -> Result<Option<Sample>, Error> {
        let Some(length) = self.bytes(LENGTH_BYTES)? else {
            return Ok(None);
        };
        let length: u32 = length
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        let bytes = length as usize;
        if bytes > MAX_FRAME_BYTES {
            let (frame, limit) = (self.frame, MAX_FRAME_BYTES);
            return Err(Error::TooLong {
                frame,
                bytes: bytes as u64,
                limit,
            });
        }
        let Some(packed) = self.bytes(bytes)? else {
            self.is_cut = true;
            return Ok(None);
        };
        let sample = decode(&packed).map_err(|why| Error::Frame {
            frame: self.frame,
            offset: self.offset,
            why,
        })?;
        self.frame += 1;
        self.offset += 4 + u64::from(length);
        Ok(Some(sample))
    }

    /// Returns `count` bytes; `None` if there are fewer. Allocates no more than the file has.
    fn bytes(&mut self, count: usize) -> Result<Option<Vec<u8>>, Error> {
        let mut bytes = Vec::new();
        let frame = self.frame;
        let read = self
            .input
            .by_ref()
            .take(count as u64)
            .read_to_end(&mut bytes);
        read.map_err(|error| Error::Io {
            operation: "reading",
            frame,
            error,
        })?;
        self.is_cut = !bytes.is_empty() && bytes.len() < count;
        Ok((bytes.len() == count).then_some(bytes))
    }
}

impl<R: Read + Seek> Reader<R> {
    /// Continues with the frame of this number, which begins at this offset in the file.
    ///
    /// # Errors
    /// If the file cannot be sought in.
    pub fn go_to(&mut self, frame: u64, offset: u64) -> io::Result<()> {
        self.input.seek(SeekFrom::Start(offset))?;
        (self.frame, self.offset, self.is_cut) = (frame, offset, false);
        Ok(())
    }
}

/// Returns the sample of a frame.
///
/// # Errors
/// In one line, if it is damaged.
pub fn decode(packed: &[u8]) -> Result<Sample, String> {
    let mut json = Vec::new();
    let unpacked = zstd::stream::read::Decoder::new(packed).and_then(|decoder| {
        decoder
            .take(MAX_SAMPLE_BYTES as u64 + 1)
            .read_to_end(&mut json)
    });
    unpacked.map_err(|error| error.to_string())?;
    if json.len() > MAX_SAMPLE_BYTES {
        return Err(format!("it unpacks to more than {MAX_SAMPLE_BYTES} bytes"));
    }
    serde_json::from_slice(&json).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
