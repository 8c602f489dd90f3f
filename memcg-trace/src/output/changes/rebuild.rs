//! Rebuilds a frame from its base and what changed.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::difference::PLUS;
use super::expected;
use super::frame::{END, Frame, Row};
use super::line::{Figures, Head, Line};

/// The most bytes of a frame in memory: 100,000 memory cgroups have some hundred MB of figures.
const MAX_FRAME_BYTES: usize = 1 << 30;
/// What a record takes beside its figures.
const ROW_BYTES: usize = 128;

/// The data of the record that begins a frame.
#[derive(Deserialize)]
struct Base {
    base_frame: Option<u64>,
    first_seq: u64,
    crc32: u32,
    new_places: Vec<(u64, u64)>,
}

#[derive(Deserialize)]
struct Removed {
    of: String,
    place: u64,
}

#[derive(Deserialize)]
struct Changed<'a> {
    of: String,
    figures: Vec<String>,
    #[serde(borrow)]
    rows: Vec<Vec<&'a RawValue>>,
}

/// What is said of a record of the base.
#[derive(Debug)]
enum Told {
    Removed,
    /// The figures, and which of them [`Open::figures`] are.
    Changed(usize, Vec<Box<str>>),
}

/// A frame of which records were read.
pub(super) struct Open {
    base: Base,
    head: Head,
    /// For each type, places of its records in the base.
    places: HashMap<Box<str>, Vec<usize>>,
    told: HashMap<usize, Told>,
    /// The keys of changed figures, one entry for each record of changes.
    figures: Vec<Vec<String>>,
    new: Vec<Row>,
    bytes: usize,
}

impl Open {
    /// Starts a frame by its first record.
    ///
    /// # Errors
    /// The reason why it cannot be rebuilt.
    pub(super) fn start(line: &Line<'_>, before: Option<&Frame>) -> Result<Self, String> {
        let head = Head::of(line);
        let base: Base = parse(line)?;
        let mut places: HashMap<Box<str>, Vec<usize>> = HashMap::new();
        if let Some(number) = base.base_frame {
            let is_it =
                |frame: &&Frame| frame.head.frame == number && frame.head.is_of_same_boot(&head);
            let Some(frame) = before.filter(is_it) else {
                return Err(format!(
                    "it only has what changed since frame {number}, which is not there"
                ));
            };
            for (at, row) in frame.rows.iter().enumerate() {
                places.entry(row.kind.clone()).or_default().push(at);
            }
        }
        Ok(Self {
            base,
            head,
            places,
            told: HashMap::new(),
            figures: Vec::new(),
            new: Vec::new(),
            bytes: 0,
        })
    }

    pub(super) fn frame(&self) -> u64 {
        self.head.frame
    }

    /// Takes in the next record. Returns the bytes of the whole frame, and the frame, with the last.
    ///
    /// # Errors
    /// The reason why it cannot be rebuilt.
    pub(super) fn take(
        &mut self,
        line: &Line<'_>,
        before: Option<&Frame>,
    ) -> Result<Option<(Vec<u8>, Frame)>, String> {
        if !self.head.is_of(line) {
            return Err("its last record is missing".to_owned());
        }
        match &*line.kind {
            "removed" => {
                let removed: Removed = parse(line)?;
                self.tell(&removed.of, removed.place, Told::Removed)?;
            }
            "changed" => self.change(&parse(line)?)?,
            END => return self.end(line, before).map(Some),
            kind => {
                self.count(line.data.get().len())?;
                self.new.push(Row::of(kind, line.data.get()));
            }
        }
        Ok(None)
    }

    fn change(&mut self, changed: &Changed<'_>) -> Result<(), String> {
        let mut place = 0_u64;
        for row in &changed.rows {
            let Some((skipped, values)) = row.split_first() else {
                return Err("it says nothing of a record".to_owned());
            };
            let skipped: u64 = skipped.get().parse().map_err(|_| no_place())?;
            place = place.checked_add(skipped).ok_or_else(no_place)?;
            let values: Vec<Box<str>> = values.iter().map(|value| value.get().into()).collect();
            self.count(values.iter().map(|value| value.len()).sum())?;
            if values.len() != changed.figures.len() {
                return Err("it has more figures than keys, or fewer".to_owned());
            }
            let told = Told::Changed(self.figures.len(), values);
            self.tell(&changed.of, place, told)?;
            place = place.checked_add(1).ok_or_else(no_place)?;
        }
        self.figures.push(changed.figures.clone());
        Ok(())
    }

    fn tell(&mut self, kind: &str, place: u64, told: Told) -> Result<(), String> {
        let places = self.places.get(kind);
        let at = usize::try_from(place)
            .ok()
            .and_then(|place| places?.get(place));
        match self.told.insert(*at.ok_or_else(no_place)?, told) {
            None => Ok(()),
            Some(_) => Err("it says two things of one record".to_owned()),
        }
    }

    fn count(&mut self, bytes: usize) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(bytes).saturating_add(ROW_BYTES);
        match self.bytes <= MAX_FRAME_BYTES {
            true => Ok(()),
            false => Err(format!("it has more than {MAX_FRAME_BYTES} bytes")),
        }
    }

    fn end(&mut self, line: &Line<'_>, before: Option<&Frame>) -> Result<(Vec<u8>, Frame), String> {
        let ending = Frame::ending(self.head.clone(), line.data.get());
        let (mut frame, records) = ending.ok_or("its last record is damaged")?;
        let before = before.filter(|_| self.base.base_frame.is_some());
        let new = std::mem::take(&mut self.new);
        frame.rows = match before {
            Some(base) => {
                let old = self.carry_over(base, &frame)?;
                placed(old, new, &self.base.new_places)?
            }
            None => new,
        };
        if records != frame.rows.len() as u64 {
            let rows = frame.rows.len();
            return Err(format!("it should have {records} records, and has {rows}"));
        }
        let mut bytes = Vec::new();
        frame.write(self.base.first_seq, &mut bytes);
        if crc32fast::hash(&bytes) != self.base.crc32 {
            return Err("it is not as it was exported: its checksum differs".to_owned());
        }
        Ok((bytes, frame))
    }

    /// The records of the base that the frame has, too, as they are now.
    fn carry_over(&mut self, base: &Frame, frame: &Frame) -> Result<Vec<Row>, String> {
        let mut rows = Vec::with_capacity(base.rows.len());
        for (at, row) in base.rows.iter().enumerate() {
            let told = self.told.remove(&at);
            if row.key.is_none() && told.is_none() {
                continue;
            }
            match told {
                Some(Told::Removed) => continue,
                None if row.is_steady => rows.push(row.clone()),
                Some(Told::Changed(figures, values)) => {
                    let keys = self.figures.get(figures).map_or(&[][..], Vec::as_slice);
                    rows.push(changed(base, frame, row, keys, &values)?);
                }
                None => rows.push(changed(base, frame, row, &[], &[])?),
            }
            self.count(rows.last().map_or(0, |row| row.data.len()))?;
        }
        Ok(rows)
    }
}

fn changed(
    base: &Frame,
    frame: &Frame,
    row: &Row,
    keys: &[String],
    values: &[Box<str>],
) -> Result<Row, String> {
    let before = Figures::of(&row.data).ok_or("a record of its base has no figures")?;
    let mut said = Vec::with_capacity(keys.len());
    for (key, value) in keys.iter().zip(values) {
        let no_figure = || format!("it has a value for {key}, and its base has not");
        let (key, value) = match key.strip_prefix(PLUS) {
            Some(key) => {
                let growth: Option<i128> = value.parse().ok();
                let was = before.integer(key);
                let now = was
                    .zip(growth)
                    .and_then(|(was, growth)| was.checked_add(growth));
                (key, now.ok_or_else(no_figure)?.to_string())
            }
            None => (key.as_str(), value.to_string()),
        };
        before.get(key).ok_or_else(no_figure)?;
        said.push((key, value));
    }
    let elapsed = frame.elapsed_since(base, &row.kind);
    let now = expected::after(&before, &said, elapsed);
    Ok(Row::of(&row.kind, &now.data()))
}

/// Puts records among those of the base, at their places.
fn placed(old: Vec<Row>, new: Vec<Row>, places: &[(u64, u64)]) -> Result<Vec<Row>, String> {
    let total = old.len() + new.len();
    let mut rows = Vec::with_capacity(total);
    let (mut old, mut new) = (old.into_iter(), new.into_iter());
    for (first, count) in places {
        let first = usize::try_from(*first).ok().filter(|first| *first <= total);
        let first = first
            .filter(|first| *first >= rows.len())
            .ok_or_else(no_place)?;
        let missing = first - rows.len();
        rows.extend(old.by_ref().take(missing));
        let count = usize::try_from(*count)
            .ok()
            .filter(|count| *count <= new.len());
        rows.extend(new.by_ref().take(count.ok_or_else(no_place)?));
    }
    rows.extend(old);
    match new.next() {
        None => Ok(rows),
        Some(_) => Err(no_place()),
    }
}

fn no_place() -> String {
    "it has a record at no place of its base".to_owned()
}

fn parse<'a, T: Deserialize<'a>>(line: &Line<'a>) -> Result<T, String> {
    let data = serde_json::from_str(line.data.get());
    data.map_err(|error| format!("its record of type {} is damaged: {error}", line.kind))
}
