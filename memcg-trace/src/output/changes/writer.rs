//! Writes changes instead of whole frames.

use std::collections::HashMap;
use std::io::{self, Write};

use super::difference::{Changed, Difference};
use super::frame::{self, END, Frame};
use super::identity;
use super::line::{Figures, Raw};
use crate::output::records;

/// Takes the records of `export`, and writes for each frame what changed since the one before. Each
/// write is a record.
#[derive(Debug)]
pub struct Changes<W> {
    output: W,
    /// At least one frame in so many is whole.
    whole_every: u64,
    /// Frames since the last whole one, that one included.
    since_whole: u64,
    base: Option<Frame>,
    seq: u64,
    /// The frame in the making.
    frame: Vec<u8>,
}

impl<W: Write> Changes<W> {
    pub fn new(output: W, whole_every: u64) -> Self {
        Self {
            output,
            whole_every,
            since_whole: 0,
            base: None,
            seq: 0,
            frame: Vec::new(),
        }
    }

    /// Where the records are written to.
    pub fn output_mut(&mut self) -> &mut W {
        &mut self.output
    }

    /// Makes the next frame whole, since it is for another file.
    pub fn start_over(&mut self) {
        self.base = None;
    }

    fn write_frame(&mut self, bytes: &[u8]) -> io::Result<()> {
        let parsed = frame::parse(bytes, self.base.as_ref());
        let Some((frame, first_seq)) = parsed else {
            return Err(io::Error::other("that is no frame of records"));
        };
        let crc32 = crc32fast::hash(bytes);
        let base = self.base.take();
        let base = base.filter(|_| self.since_whole < self.whole_every);
        let mut records = Records::of(&frame, self.seq);
        if let Some(base) = &base {
            let difference = Difference::of(base, &frame);
            let number = Some(base.head.frame);
            let leads = records::Base::new(number, first_seq, crc32, &difference.new);
            records.add("base", &leads)?;
            records.change(base, &difference)?;
        }
        // Where all has changed, a whole frame is less to write.
        if base.is_none() || records.bytes.len() > bytes.len() {
            records = Records::of(&frame, self.seq);
            let leads = records::Base::new(None, first_seq, crc32, &[]);
            records.add("base", &leads)?;
            records.copy(0..frame.rows.len());
            self.since_whole = 0;
        }
        records.write(END, &frame.end);
        self.since_whole += 1;
        self.seq = records.seq;
        for line in records.bytes.split_inclusive(|byte| *byte == b'\n') {
            self.output.write_all(line)?;
        }
        self.base = Some(frame);
        self.output.flush()
    }
}

impl<W: Write> Write for Changes<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.write(bytes)
    }

    /// The end of a frame.
    fn flush(&mut self) -> io::Result<()> {
        let mut bytes = std::mem::take(&mut self.frame);
        let written = self.write_frame(&bytes);
        bytes.clear();
        self.frame = bytes;
        written
    }
}

/// The records of a frame, in the making.
struct Records<'f> {
    frame: &'f Frame,
    seq: u64,
    bytes: Vec<u8>,
}

impl<'f> Records<'f> {
    fn of(frame: &'f Frame, seq: u64) -> Self {
        Self {
            frame,
            seq,
            bytes: Vec::new(),
        }
    }

    fn write(&mut self, kind: &str, data: &str) {
        (self.frame.head).write(kind, self.seq, data, &mut self.bytes);
        self.seq += 1;
    }

    fn add(&mut self, kind: &str, data: &impl serde::Serialize) -> io::Result<()> {
        self.write(kind, &serde_json::to_string(data)?);
        Ok(())
    }

    fn copy(&mut self, places: impl IntoIterator<Item = usize>) {
        let rows = &self.frame.rows;
        for row in places.into_iter().filter_map(|at| rows.get(at)) {
            self.write(&row.kind, &row.data);
        }
    }

    fn change(&mut self, base: &Frame, difference: &Difference) -> io::Result<()> {
        let places = places(base);
        for at in &difference.removed {
            let row = &base.rows[*at];
            let figures = Figures::of(&row.data);
            let key = figures.as_ref().and_then(|of| identity::key(&row.kind, of));
            let key = key.into_iter().flatten().map(|value| Raw(value.into()));
            let removed = records::Removed::new(&row.kind, places[*at], key.collect());
            self.add("removed", &removed)?;
        }
        for ((kind, figures), rows) in &difference.changed {
            let rows = skipping(&places, rows);
            let changed = records::Changed::new(kind, figures.clone(), rows);
            self.add("changed", &changed)?;
        }
        self.copy(difference.new.iter().copied());
        Ok(())
    }
}

/// For each record, how many of its type are before it.
fn places(base: &Frame) -> Vec<u64> {
    let mut seen: HashMap<&str, u64> = HashMap::new();
    let places = base.rows.iter().map(|row| {
        let next = seen.entry(&row.kind).or_default();
        *next += 1;
        *next - 1
    });
    places.collect()
}

/// The values of each record, after how many were left out before it.
fn skipping(places: &[u64], rows: &[Changed]) -> Vec<Vec<Raw>> {
    let mut next = 0;
    let rows = rows.iter().map(|row| {
        let place = places[row.at];
        let skipped = place.saturating_sub(next).to_string();
        next = place + 1;
        let values = std::iter::once(&skipped).chain(&row.values);
        values.map(|value| Raw(value.as_str().into())).collect()
    });
    rows.collect()
}
