//! The difference of two frames.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::expected;
use super::frame::{Frame, Row};
use super::line::Figures;

/// A larger difference is written as the figure itself: readers keep no larger numbers exactly.
const MAX_DIFFERENCE: u128 = 1 << 53;
/// Before the key of a figure whose values are differences.
pub(super) const PLUS: char = '+';

/// What a frame has that its base does not, and the other way round.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// Records of the base that are gone, by their place in it.
    pub(super) removed: Vec<usize>,
    /// Records with other figures than expected: by their type and those figures.
    pub(super) changed: BTreeMap<(String, Vec<String>), Vec<Changed>>,
    /// Records that the base does not have, by their place in the frame.
    pub(super) new: Vec<usize>,
}

/// A record with other figures than expected.
#[derive(Debug)]
pub(super) struct Changed {
    /// Place in the base.
    pub(super) at: usize,
    /// The figures as written, or how much they grew.
    pub(super) values: Vec<String>,
}

impl Difference {
    pub(super) fn of(base: &Frame, frame: &Frame) -> Self {
        let mut difference = Self::default();
        let pairs = pairs(base, frame);
        let mut was_kept = vec![false; base.rows.len()];
        let mut is_old = vec![false; frame.rows.len()];
        for (at, to) in longest_rising(&pairs) {
            let (before, now) = (&base.rows[at], &frame.rows[to]);
            let is_told = difference.compare(base, frame, at, before, now);
            was_kept[at] = is_told;
            is_old[to] = is_told;
        }
        let rows = base.rows.iter().zip(was_kept).enumerate();
        let gone = rows.filter(|(_, (row, was_kept))| row.key.is_some() && !was_kept);
        difference.removed = gone.map(|(at, _)| at).collect();
        let rows = is_old.iter().enumerate();
        difference.new = rows
            .filter_map(|(to, is_old)| (!is_old).then_some(to))
            .collect();
        difference
    }

    /// Notes the figures of a record that are not as expected; false if it has other keys.
    fn compare(&mut self, base: &Frame, frame: &Frame, at: usize, before: &Row, now: &Row) -> bool {
        let is_same = before.data == now.data;
        if is_same && before.is_steady {
            return true;
        }
        let elapsed = frame.elapsed_since(base, &now.kind);
        let (Some(before), Some(wanted)) = (Figures::of(&before.data), Figures::of(&now.data))
        else {
            return false;
        };
        if !before.keys().eq(wanted.keys()) {
            return false;
        }
        // What others follow from is said first.
        let mut keys: Vec<(usize, &str)> = (wanted.keys())
            .map(|key| (expected::place(key), key))
            .collect();
        keys.sort_by_key(|(place, _)| *place);
        let mut said: Vec<(&str, String)> = Vec::new();
        let mut expected = expected::after(&before, &said, elapsed);
        let mut place_reached = 0;
        for (place, key) in keys {
            if place > place_reached && !said.is_empty() {
                expected = expected::after(&before, &said, elapsed);
            }
            place_reached = place;
            let value = wanted.get(key).unwrap_or_default();
            if expected.get(key) != Some(value) {
                said.push((key, value.to_owned()));
            }
        }
        if expected::after(&before, &said, elapsed) != wanted {
            return false;
        }
        if said.is_empty() {
            return true;
        }
        let told = said.iter().map(|(key, value)| told(&before, key, value));
        let (figures, values) = told.unzip();
        let kind = now.kind.to_string();
        let of_kind = self.changed.entry((kind, figures)).or_default();
        of_kind.push(Changed { at, values });
        true
    }
}

/// How a figure is written: its key, and its value or how much it grew.
fn told(before: &Figures<'_>, key: &str, value: &str) -> (String, String) {
    let grown = || {
        let now: i128 = value.parse().ok()?;
        let growth = now.checked_sub(before.integer(key)?)?;
        let is_small = growth.unsigned_abs() < MAX_DIFFERENCE && now.to_string() == value;
        is_small.then_some(growth)
    };
    match grown() {
        Some(growth) => (format!("{PLUS}{key}"), growth.to_string()),
        None => (key.to_owned(), value.to_owned()),
    }
}

/// Pairs of records of one thing, by their places in the base and in the frame, in the order of the
/// frame.
fn pairs(base: &Frame, frame: &Frame) -> Vec<(usize, usize)> {
    let mut by_key: HashMap<(&str, &str), VecDeque<usize>> = HashMap::new();
    for (at, row) in base.rows.iter().enumerate() {
        if let Some(key) = &row.key {
            by_key.entry((&row.kind, key)).or_default().push_back(at);
        }
    }
    let rows = frame.rows.iter().enumerate();
    let pairs = rows.filter_map(|(to, row)| {
        let places = by_key.get_mut(&(&*row.kind, &**row.key.as_ref()?))?;
        Some((places.pop_front()?, to))
    });
    pairs.collect()
}

/// As many of the pairs as possible whose places in the base rise, too: the others have moved.
fn longest_rising(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // For each length, the pair that ends a sequence of that length at the least place; and for
    // each pair the one before it in its sequence.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::new();
    for (this, (at, _)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].0 < *at);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = this,
            None => ends.push(this),
        }
    }
    let mut last = ends.last().copied();
    let mut rising = Vec::with_capacity(ends.len());
    while let Some(this) = last {
        rising.push(pairs[this]);
        last = before[this];
    }
    rising.reverse();
    rising
}
