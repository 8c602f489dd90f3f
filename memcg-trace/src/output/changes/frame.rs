//! A frame: all records of a snapshot.

use std::rc::Rc;

use serde::Deserialize;

use super::expected::{self, Elapsed};
use super::identity;
use super::line::{Figures, Head, Line};

/// The type of the last record of a frame.
pub(super) const END: &str = "frame";

/// How many records in a row may be gone until all that follow are taken apart anew.
const MAX_GONE: usize = 64;

/// The records of a snapshot.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) head: Head,
    /// All but the last one.
    pub(super) rows: Vec<Row>,
    /// The data of the last one.
    pub(super) end: Box<str>,
    pub(super) readings: Readings,
}

/// A record of a frame.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) kind: Box<str>,
    pub(super) data: Box<str>,
    /// Whether it stays the same however much time goes by.
    pub(super) is_steady: bool,
    /// What tells it from others of its type; `None` if the next frame does not have it.
    pub(super) key: Option<Rc<str>>,
}

impl Row {
    pub(super) fn of(kind: &str, data: &str) -> Self {
        let is_lasting = identity::is_lasting(kind);
        let figures = is_lasting.then(|| Figures::of(data)).flatten();
        let key = figures.as_ref().and_then(|of| identity::key(kind, of));
        Self {
            kind: kind.into(),
            data: data.into(),
            is_steady: figures.as_ref().is_some_and(expected::is_steady),
            key: key.map(|key| key.join(",").into()),
        }
    }

    pub(super) fn is_same(&self, kind: &str, data: &str) -> bool {
        *self.kind == *kind && *self.data == *data
    }
}

/// When the figures of a snapshot were read, by section.
#[derive(Clone, Debug, Default)]
pub(super) struct Readings(Vec<(String, Option<u64>)>);

/// What is needed of the last record of a frame.
#[derive(Deserialize)]
struct End {
    records: u64,
    #[serde(default)]
    sections: Vec<Section>,
}

#[derive(Deserialize)]
struct Section {
    name: String,
    as_of_ns: Option<u64>,
}

impl Frame {
    /// A frame without records so far; also how many it has. `None` if that is not the data of the
    /// last record of a frame.
    pub(super) fn ending(head: Head, end: &str) -> Option<(Self, u64)> {
        let facts: End = serde_json::from_str(end).ok()?;
        let sections = facts.sections.into_iter();
        let readings = sections.map(|section| (section.name, section.as_of_ns));
        let frame = Self {
            head,
            rows: Vec::new(),
            end: end.into(),
            readings: Readings(readings.collect()),
        };
        Some((frame, facts.records))
    }

    /// The time since another frame, for records of a type.
    pub(super) fn elapsed_since(&self, base: &Self, kind: &str) -> Elapsed {
        let reading = |of: &Readings| {
            let mut sections = of.0.iter();
            let (_, as_of_ns) = sections.find(|(name, _)| name == kind)?;
            *as_of_ns
        };
        let readings = reading(&self.readings).zip(reading(&base.readings));
        Elapsed {
            ns: self.head.mono_ns.saturating_sub(base.head.mono_ns),
            reading_ns: readings.and_then(|(now, before)| now.checked_sub(before)),
        }
    }

    /// The records as they are exported, numbered from `seq` on.
    pub(super) fn write(&self, mut seq: u64, to: &mut Vec<u8>) {
        for row in &self.rows {
            self.head.write(&row.kind, seq, &row.data, to);
            seq = seq.wrapping_add(1);
        }
        self.head.write(END, seq, &self.end, to);
    }
}

/// Takes the records of a frame apart, which are like those of a frame before if there is one.
/// Returns the number of its first record, too; `None` if that is no frame.
pub(super) fn parse(bytes: &[u8], base: Option<&Frame>) -> Option<(Frame, u64)> {
    let mut rows = Vec::new();
    let mut likely = base.into_iter().flat_map(|base| &base.rows).peekable();
    let mut first = None;
    let lines = bytes.split(|byte| *byte == b'\n');
    let mut lines = lines.filter(|line| !line.is_empty()).peekable();
    while let Some(bytes) = lines.next() {
        let line: Line<'_> = serde_json::from_slice(bytes).ok()?;
        first.get_or_insert(line.seq);
        let (kind, data) = (&*line.kind, line.data.get());
        if lines.peek().is_none() {
            let (frame, _) = Frame::ending(Head::of(&line), data)?;
            return (kind == END).then_some((Frame { rows, ..frame }, first?));
        }
        // Most records are as before, and those need not be taken apart again.
        match likely.peek() {
            Some(before) if before.is_same(kind, data) => rows.extend(likely.next().cloned()),
            _ => {
                let row = Row::of(kind, data);
                let is_before = |before: &Row| before.key == row.key && before.kind == row.kind;
                if let Some(gone) = likely.clone().take(MAX_GONE).position(is_before) {
                    likely.nth(gone);
                }
                rows.push(row);
            }
        }
    }
    None
}
