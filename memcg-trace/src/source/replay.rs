//! Recordings as a source of samples.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::Instant;

use super::index::Index;
use crate::sample::Sample;
use crate::sample::incident::Incident;
use crate::sample::recording::{Host, Reader};

/// Speed of a replay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As fast as it can be read.
    Unpaced,
    /// So many times as fast as it was recorded.
    Recorded(f64),
}

/// The longest wait for the next sample: a replay does not wait for a suspended host.
const LONGEST_GAP: Duration = Duration::from_secs(10);

/// A recording in replay.
#[derive(Debug)]
pub struct Replay {
    path: PathBuf,
    reader: Reader<BufReader<File>>,
    pace: Pace,
    /// Time of the last sample in the recording, and when it was returned.
    last: Option<(u64, Instant)>,
    /// The next sample, until its time has come.
    waiting: Option<Sample>,
    /// Offset of the first sample.
    begin: u64,
    /// The offsets of all samples, once somebody asked for them.
    index: Option<Index>,
}

impl Replay {
    /// Opens a recording.
    ///
    /// # Errors
    /// If the file cannot be read or is no recording.
    pub fn open(path: &Path, pace: Pace) -> anyhow::Result<Self> {
        let file = File::open(path)
            .with_context(|| format!("cannot open the recording {}", path.display()))?;
        let reader = Reader::open(BufReader::new(file))
            .with_context(|| format!("cannot read the recording {}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            begin: reader.offset(),
            reader,
            pace,
            last: None,
            waiting: None,
            index: None,
        })
    }

    /// The incident that the recording is of.
    #[must_use]
    pub fn incident(&self) -> Option<&Incident> {
        self.reader.header().incident.as_deref()
    }

    /// The host of the recording.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.reader.header().host
    }

    /// Waits until the time of the next sample has come; `None` at the end. The future can be
    /// dropped, and `next` called again.
    ///
    /// # Errors
    /// If the file cannot be read, or has something else than a sample.
    pub async fn next(&mut self) -> anyhow::Result<Option<Sample>> {
        if self.waiting.is_none() {
            self.waiting = self
                .reader
                .read_sample()
                .with_context(|| format!("cannot read the recording {}", self.path.display()))?;
        }
        if let (Some(sample), Some((last_ns, handed_over)), Pace::Recorded(speed)) =
            (&self.waiting, self.last, self.pace)
        {
            let recorded = Duration::from_nanos(sample.mono_ns.saturating_sub(last_ns));
            let gap = Duration::try_from_secs_f64(recorded.as_secs_f64() / speed);
            let gap = gap.unwrap_or(LONGEST_GAP).min(LONGEST_GAP);
            tokio::time::sleep_until(handed_over + gap).await;
        }
        let sample = self.waiting.take();
        self.last = sample
            .as_ref()
            .map(|sample| (sample.mono_ns, Instant::now()));
        Ok(sample)
    }

    /// Returns the offsets of the samples.
    ///
    /// # Errors
    /// If the recording is no file that can be read at any offset.
    pub fn index(&mut self) -> anyhow::Result<&Index> {
        let index = match self.index.take() {
            Some(index) => index,
            None => File::open(&self.path)
                .and_then(|file| Index::of(file, self.begin))
                .with_context(|| format!("cannot seek in {}", self.path.display()))?,
        };
        Ok(self.index.insert(index))
    }

    /// Continues with the sample of this number.
    ///
    /// # Errors
    /// As [`Replay::index`].
    pub fn go_to(&mut self, frame: usize) -> anyhow::Result<()> {
        let offset = self.index()?.offset(frame).unwrap_or(self.begin);
        let sought = self.reader.go_to(frame as u64, offset);
        sought.with_context(|| format!("cannot seek in {}", self.path.display()))?;
        (self.last, self.waiting) = (None, None);
        Ok(())
    }

    /// Returns a message if the recording was cut off.
    #[must_use]
    pub fn close(self) -> Vec<String> {
        if self.reader.is_cut() {
            let path = self.path.display();
            vec![format!(
                "{path}: ends in a cut frame; whoever recorded it was stopped"
            )]
        } else {
            Vec::new()
        }
    }
}
