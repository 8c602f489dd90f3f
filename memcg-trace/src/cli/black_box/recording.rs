//! One recording of an incident: first the moment, then the time before it, then what follows.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

use rustix::fs::{Advice, fadvise};

use super::folder::{self, Folder};
use crate::sample::incident::Incident;
use crate::sample::recording::{Header, start};
use crate::sample::ring::{Segment, recorded};
use crate::units;

/// Bytes that are written at a time, and after which they are on the disk.
const BUFFER_BYTES: usize = 256 << 10;
const SYNC_BYTES: u64 = 4 << 20;

/// A recording that is to be written.
pub(super) struct Order {
    /// The header; how far the recording reaches back is filled in when it is written.
    pub(super) header: Header,
    pub(super) incident: Incident,
    /// The samples until the moment.
    pub(super) past: Vec<Segment>,
    /// The reason why these reach back less than wanted, if they do.
    pub(super) short: String,
}

/// Bounds of a folder: files, and their bytes.
pub(super) type Bounds = (usize, u64);

/// A recording that is being written.
pub(super) struct Recording {
    folder: Folder,
    bounds: Bounds,
    stem: PathBuf,
    file: File,
    whole_bytes: u64,
    /// Bytes of the other recordings.
    others_bytes: u64,
    /// Recordings that were removed.
    pub(super) removed: u64,
    /// The reason why a part of it is missing.
    pub(super) lost: Option<String>,
}

impl Recording {
    /// Writes the moment and what was before it.
    ///
    /// # Errors
    /// If not even the moment can be written.
    pub(super) fn begin(folder: &Folder, bounds: Bounds, order: Order) -> io::Result<Self> {
        let mut past = &order.past[..];
        // Half of all bytes are for one incident at most, so that it does not stand alone.
        while past.len() > 1 && bytes(past) > bounds.1 / 2 {
            past = &past[1..];
        }
        let (mut removed, others_bytes) = folder.make_room(bounds, bytes(past))?;
        let cause = order.incident.cause;
        let stem = folder.stem(order.incident.unix_ns, cause)?;
        let part = folder::as_part(&stem);
        // The newest samples first: whatever happens from then on, the moment is there.
        let newest = &order.past[order.past.len().saturating_sub(1)..];
        let shortest: Vec<Segment> = newest.iter().map(Segment::ends).collect();
        let mut moment = newest;
        let (file, whole_bytes) = loop {
            let written = folder::create(&part).and_then(|mut file| {
                let bytes = order.write(moment, &mut file)?;
                Ok((file, bytes))
            });
            match written {
                Ok(written) => break written,
                Err(error) => {
                    let _ = fs::remove_file(&part);
                    if !is_no_room(&error) {
                        return Err(error);
                    }
                    if folder.remove_oldest()? {
                        removed += 1;
                    } else if samples(moment) > samples(&shortest) {
                        moment = &shortest;
                    } else {
                        return Err(error);
                    }
                }
            }
        };
        let is_short = samples(moment) < samples(newest);
        let mut recording = Self {
            folder: folder.clone(),
            bounds,
            stem,
            file,
            whole_bytes,
            others_bytes,
            removed,
            lost: is_short.then(|| "the time before the moment: no room".to_owned()),
        };
        if !is_short
            && past.len() > newest.len()
            && let Err(error) = recording.reach_back(&order, past)
        {
            recording.lost = Some(format!("the time before the moment: {error}"));
        }
        Ok(recording)
    }

    /// Replaces what is written by more that reaches further back.
    fn reach_back(&mut self, order: &Order, past: &[Segment]) -> io::Result<()> {
        let beside = folder::as_past(&self.stem);
        let written = folder::create(&beside).and_then(|mut file| {
            let bytes = order.write(past, &mut file)?;
            fs::rename(&beside, folder::as_part(&self.stem))?;
            Ok((file, bytes))
        });
        match written {
            Ok((file, bytes)) => {
                (self.file, self.whole_bytes) = (file, bytes);
                Ok(())
            }
            Err(error) => {
                let _ = fs::remove_file(&beside);
                Err(error)
            }
        }
    }

    /// Appends a frame of the time after the moment.
    pub(super) fn add(&mut self, frame: &[u8]) {
        if self.lost.as_deref().is_some_and(is_of_the_end) {
            return;
        }
        let needed = self.whole_bytes + frame.len() as u64;
        if self.others_bytes + needed > self.bounds.1 {
            let bounds = (usize::MAX, self.bounds.1);
            // Its own bytes are among those of the folder.
            if let Ok((removed, bytes)) = self.folder.make_room(bounds, frame.len() as u64) {
                self.removed += removed;
                self.others_bytes = bytes.saturating_sub(self.whole_bytes);
            }
            if self.others_bytes + needed > self.bounds.1 {
                self.lose("no room within --incidents-max-bytes");
                return;
            }
        }
        match self.file.write_all(frame) {
            Ok(()) => self.whole_bytes += frame.len() as u64,
            Err(error) => {
                let _ = self.file.set_len(self.whole_bytes);
                self.lose(&error.to_string());
            }
        }
    }

    fn lose(&mut self, why: &str) {
        self.lost = Some(format!("{OF_THE_END}{why}"));
    }

    /// Gives the recording its name. Returns whether it is whole.
    pub(super) fn end(self, is_complete: bool) -> io::Result<bool> {
        let is_whole = is_complete && !self.lost.as_deref().is_some_and(is_of_the_end);
        let synced = to_disk(&self.file);
        fs::rename(
            folder::as_part(&self.stem),
            folder::as_done(&self.stem, is_whole),
        )?;
        synced.map(|()| is_whole)
    }

    /// Its name for messages.
    pub(super) fn name(&self) -> String {
        self.stem.display().to_string()
    }
}

const OF_THE_END: &str = "the end: ";

fn is_of_the_end(lost: &str) -> bool {
    lost.starts_with(OF_THE_END)
}

impl Order {
    /// Writes the recording until the moment, from the first of these segments on, to the disk.
    /// Returns its bytes.
    fn write(&self, past: &[Segment], file: &mut File) -> io::Result<u64> {
        let Some(first) = past.first() else {
            return Err(io::Error::other("there are no samples"));
        };
        let before_ns = self.incident.mono_ns.saturating_sub(first.first_ns());
        let is_short = before_ns < self.incident.wanted_before_ns;
        let is_part = samples(past) < samples(&self.past);
        let short = match is_part {
            true => "no room for what was before",
            false => &self.short,
        };
        let incident = Incident {
            before_ns,
            before_samples: samples(past),
            short: is_short.then(|| short.to_owned()),
            ..self.incident.clone()
        };
        let header = Header {
            incident: Some(Box::new(incident)),
            ..self.header.clone()
        };
        let start = start(&header).map_err(io::Error::other)?;
        let mut written = start.len() as u64;
        let mut buffer = BufWriter::with_capacity(BUFFER_BYTES, &mut *file);
        buffer.write_all(&start)?;
        // From here on, `incidents` can list it.
        buffer.flush()?;
        for sample in recorded(past) {
            buffer.write_all(sample.frame())?;
            let before = written / SYNC_BYTES;
            written += sample.bytes() as u64;
            if written / SYNC_BYTES > before {
                buffer.flush()?;
                to_disk(buffer.get_ref())?;
            }
        }
        buffer.flush()?;
        drop(buffer);
        to_disk(file)?;
        Ok(written)
    }
}

/// Waits until the file is on its disk, and gives the memory of its pages back: that is charged to
/// this program.
fn to_disk(file: &File) -> io::Result<()> {
    file.sync_data()?;
    // Where that is not possible, the kernel takes it when it needs it.
    let _ = fadvise(file, 0, None, Advice::DontNeed);
    Ok(())
}

/// The number of their samples.
fn samples(past: &[Segment]) -> u64 {
    past.iter().map(|segment| segment.len() as u64).sum()
}

/// The bytes of a recording of these, with the header.
fn bytes(past: &[Segment]) -> u64 {
    const HEADER: u64 = 8 << 10;
    let samples = recorded(past).map(|sample| sample.bytes() as u64);
    samples.sum::<u64>() + HEADER
}

fn is_no_room(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Says how much a ring holds.
pub(super) fn crowded(bytes: u64) -> String {
    format!(
        "{} in memory hold no more (--incidents-ring)",
        units::bytes(Some(bytes))
    )
}
