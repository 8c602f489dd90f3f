//! Records of how a frame differs from the one before.

use serde_json::{Value as Json, json};

use crate::output::changes::Raw;
use crate::output::figures::{Value, record};

record! {
    /// Begins a frame of `export --changes`: what it takes to rebuild it.
    pub struct Base {
        /// Number of the frame that the following records change; null if they are whole.
        base_frame: Option<u64>,
        /// `seq` of the first record of the whole frame.
        first_seq: u64,
        /// CRC-32 of the whole frame, as `export` writes it without `--changes`.
        crc32: u32,
        /// Places in the whole frame of the records that the base does not have, from 0: each the
        /// first of some that follow each other, and how many.
        new_places: Vec<Vec<u64>>,
    }
}

record! {
    /// A record of the base that this frame does not have.
    pub struct Removed<'a> {
        /// Its type.
        of: &'a str,
        /// How many records of that type are before it in the base.
        place: u64,
        /// The figures that tell it from others of its type.
        key: Vec<Raw>,
    }
}

record! {
    /// Records that have other figures than in the base. Figures that are not listed are as before,
    /// or follow from others, as docs/fleet has it.
    pub struct Changed<'a> {
        /// Their type.
        of: &'a str,
        /// Keys of the figures; `+` before a key says that the values are added to those of the
        /// base.
        figures: Vec<String>,
        /// For each record how many of its type in the base are between it and the one before, and
        /// then the values of its figures.
        rows: Vec<Vec<Raw>>,
    }
}

impl Base {
    #[must_use]
    pub fn new(base_frame: Option<u64>, first_seq: u64, crc32: u32, new: &[usize]) -> Self {
        let mut new_places: Vec<Vec<u64>> = Vec::new();
        for place in new {
            let place = *place as u64;
            match new_places.last_mut().map(Vec::as_mut_slice) {
                Some([first, count]) if first.saturating_add(*count) == place => *count += 1,
                _ => new_places.push(vec![place, 1]),
            }
        }
        Self {
            base_frame,
            first_seq,
            crc32,
            new_places,
        }
    }
}

impl<'a> Removed<'a> {
    #[must_use]
    pub fn new(of: &'a str, place: u64, key: Vec<Raw>) -> Self {
        Self { of, place, key }
    }
}

impl<'a> Changed<'a> {
    #[must_use]
    pub fn new(of: &'a str, figures: Vec<String>, rows: Vec<Vec<Raw>>) -> Self {
        Self { of, figures, rows }
    }
}

impl Value for Raw {
    fn schema() -> Json {
        json!({})
    }
}
