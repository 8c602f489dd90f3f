//! Offsets of the samples of a recording, so that any of them can be read.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;

use anyhow::{Context as _, anyhow};

use super::lead;
use crate::sample::Sample;
use crate::sample::recording::decode;

/// Bytes of a frame that hold its first block, and thus its first fields.
const HEAD_BYTES: usize = 132 << 10;
/// Bytes of a sample's JSON that hold its times, and the start of the facts about the host.
const FIRST_FIELDS: u64 = 128;

/// The frames of a recording.
#[derive(Debug)]
pub struct Index {
    file: File,
    /// Offset and length of the contents of each frame.
    frames: Vec<(u64, usize)>,
}

/// The first fields of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its time, CLOCK_MONOTONIC.
    pub mono_ns: u64,
    /// It relies on no sample before it: it has facts about the host.
    pub is_start: bool,
}

impl Index {
    /// Looks for the frames of a recording, of which the first begins at `offset`. Only their
    /// lengths are read.
    ///
    /// # Errors
    /// If the file cannot be read at any offset, as a pipe.
    pub fn of(file: File, mut offset: u64) -> io::Result<Self> {
        let end = file.metadata()?.len();
        let mut frames = Vec::new();
        let mut length = [0; 4];
        while offset + 4 <= end {
            file.read_exact_at(&mut length, offset)?;
            let bytes = u32::from_le_bytes(length);
            let next = offset + 4 + u64::from(bytes);
            if next > end {
                break;
            }
            frames.push((offset + 4, bytes as usize));
            offset = next;
        }
        Ok(Self { file, frames })
    }

    /// Number of whole frames.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Returns whether there is no whole frame.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Bytes of the contents of a frame; 0 if there is no such frame.
    #[must_use]
    pub fn bytes(&self, frame: usize) -> usize {
        self.frames.get(frame).map_or(0, |(_, bytes)| *bytes)
    }

    /// Offset at which a frame begins, or the end of the last one.
    #[must_use]
    pub fn offset(&self, frame: usize) -> Option<u64> {
        let last = |(offset, bytes): &(u64, usize)| offset + *bytes as u64;
        match self.frames.get(frame) {
            Some((offset, _)) => Some(offset - 4),
            None => self.frames.last().map(last),
        }
    }

    /// Reads a sample.
    ///
    /// # Errors
    /// If it cannot be read, or is damaged.
    pub fn sample(&self, frame: usize) -> anyhow::Result<Sample> {
        let packed = self.read(frame, usize::MAX)?;
        decode(&packed).map_err(|why| anyhow!("frame {frame} is damaged: {why}"))
    }

    /// Reads the first fields of a sample.
    ///
    /// # Errors
    /// As [`Index::sample`].
    pub fn head(&self, frame: usize) -> anyhow::Result<Head> {
        let packed = self.read(frame, HEAD_BYTES)?;
        let mut json = Vec::new();
        let decoder = zstd::stream::read::Decoder::new(&*packed);
        let read = decoder.and_then(|decoder| decoder.take(FIRST_FIELDS).read_to_end(&mut json));
        let head = read
            .ok()
            .and_then(|_| head(&String::from_utf8_lossy(&json)));
        // An older recording may have its fields in another order.
        match head {
            Some(head) => Ok(head),
            None => self.sample(frame).map(|sample| Head {
                mono_ns: sample.mono_ns,
                is_start: sample.host_facts.is_some(),
            }),
        }
    }

    /// The first of the samples that lead to one: it relies on none before it.
    ///
    /// # Errors
    /// As [`Index::sample`].
    pub fn lead(&self, frame: usize) -> anyhow::Result<usize> {
        let least_ns = self.head(frame)?.mono_ns.saturating_sub(lead::LEAD_NS);
        let mut first = lead::first(frame, |at| self.bytes(at));
        while first > 0 {
            let head = self.head(first)?;
            if head.is_start && head.mono_ns <= least_ns {
                break;
            }
            first -= 1;
        }
        Ok(first)
    }

    fn read(&self, frame: usize, most: usize) -> anyhow::Result<Vec<u8>> {
        let (offset, bytes) = *self.frames.get(frame).context("no such frame")?;
        let mut packed = vec![0; bytes.min(most)];
        let read = self.file.read_exact_at(&mut packed, offset);
        read.with_context(|| format!("cannot read frame {frame}"))?;
        Ok(packed)
    }
}

/// The first fields, if they are at the start of the JSON as this version writes them.
fn head(json: &str) -> Option<Head> {
    let rest = json.strip_prefix("{\"mono_ns\":")?;
    let (mono_ns, rest) = rest.split_once(',')?;
    let (_, facts) = rest.split_once("\"host_facts\":")?;
    Some(Head {
        mono_ns: mono_ns.parse().ok()?,
        is_start: facts.starts_with('{'),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::host_facts::HostFacts;

    #[test]
    fn the_first_fields_are_found_as_they_are_written() {
        for is_start in [true, false] {
            let sample = Sample {
                mono_ns: u64::MAX,
                unix_ns: i64::MIN,
                host_facts: is_start.then(HostFacts::default),
                ..Sample::default()
            };
            let json = serde_json::to_string(&sample).unwrap();
            let mono_ns = u64::MAX;
            assert_eq!(head(&json[..128]), Some(Head { mono_ns, is_start }));
        }
        assert_eq!(head("{\"unix_ns\":1}"), None);
    }
}
