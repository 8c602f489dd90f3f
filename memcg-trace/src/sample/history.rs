//! The last samples, encoded, within bounds on their bytes and on their age.
//!
//! Samples are in groups. The first sample of a group also has what earlier samples told once and
//! for all (facts about the host, names, caches, counters that stood still since), so that a group
//! can be read without those before it; and whole groups make room for new ones.

mod lasting;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io::Write;

use super::Sample;
use super::recording::{Encoded, Error, Header, Writer};
pub use lasting::Lasting;

/// So many groups, at least, are within the bounds: when the oldest goes, the others stay.
const GROUPS: usize = 16;
/// Bytes of a sample beside its encoded form.
const OVERHEAD_BYTES: usize = size_of::<Encoded>();

/// Bounds of what is kept.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of encoded samples.
    pub bytes: usize,
    /// Age of the oldest sample, when the newest comes; `None` if any will do.
    pub age_ns: Option<u64>,
}

/// The last samples. There is always the newest, and the group that it is in.
#[derive(Debug)]
pub struct History {
    bounds: Bounds,
    groups: VecDeque<Group>,
    bytes: usize,
    lasting: Lasting,
}

/// Samples that can be read without those before.
#[derive(Debug)]
struct Group {
    samples: Vec<Encoded>,
    bytes: usize,
}

impl Group {
    fn begin_ns(&self) -> Option<u64> {
        self.samples.first().map(|sample| sample.mono_ns)
    }
}

impl History {
    /// Creates an empty history.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            groups: VecDeque::new(),
            bytes: 0,
            lasting: Lasting::default(),
        }
    }

    /// Adds a sample, and drops the oldest ones where the bounds ask for that.
    ///
    /// # Errors
    /// If the sample is too large for a recording. Then it is not kept.
    pub fn push(&mut self, sample: &Sample) -> Result<(), Error> {
        // An answer is no sample to begin with: it has no figures of its own.
        let starts = self.groups.is_empty() || (!sample.is_answer() && self.is_full(sample));
        let encoded = match starts {
            true => Encoded::of(&self.lasting.added_to(sample))?,
            false => Encoded::of(sample)?,
        };
        self.lasting.read(sample);
        let bytes = encoded.bytes() + OVERHEAD_BYTES;
        self.bytes += bytes;
        match self.groups.back_mut().filter(|_| !starts) {
            Some(group) => {
                group.samples.push(encoded);
                group.bytes += bytes;
            }
            None => self.groups.push_back(Group {
                samples: vec![encoded],
                bytes,
            }),
        }
        self.drop_oldest(sample.mono_ns);
        Ok(())
    }

    /// Returns whether the newest group has its share of the bounds.
    fn is_full(&self, sample: &Sample) -> bool {
        let Some(group) = self.groups.back() else {
            return true;
        };
        let begin_ns = group.begin_ns().unwrap_or(sample.mono_ns);
        let age_ns = sample.mono_ns.saturating_sub(begin_ns);
        let share_ns = self.bounds.age_ns.map(|age_ns| age_ns / GROUPS as u64);
        group.bytes >= self.bounds.bytes / GROUPS || share_ns.is_some_and(|share| age_ns >= share)
    }

    fn drop_oldest(&mut self, now_ns: u64) {
        let is_old = |group: &Group| {
            let last = group.samples.last().map(|sample| sample.mono_ns);
            let age_ns = last.map(|last_ns| now_ns.saturating_sub(last_ns));
            self.bounds.age_ns.is_some_and(|bound| age_ns > Some(bound))
        };
        while self.groups.len() > 1
            && let Some(oldest) = self.groups.front()
            && (self.bytes > self.bounds.bytes || is_old(oldest))
        {
            self.bytes -= oldest.bytes;
            self.groups.pop_front();
        }
    }

    /// Returns the samples, the oldest first.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = &Encoded> {
        self.groups.iter().flat_map(|group| &group.samples)
    }

    /// Returns the number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.iter().map(|group| group.samples.len()).sum()
    }

    /// Returns whether there is no sample yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Returns the bytes that are kept.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the samples until `end_ns`, from the first of a group on: of the group of the last
    /// sample that is not before `begin_ns`, or of the oldest.
    pub fn leading_to(&self, begin_ns: u64, end_ns: u64) -> impl Iterator<Item = &Encoded> {
        let older = |group: &&Group| group.begin_ns().is_some_and(|begin| begin <= begin_ns);
        let first = self.groups.iter().take_while(older).count();
        let groups = self.groups.iter().skip(first.saturating_sub(1));
        groups
            .flat_map(|group| &group.samples)
            .take_while(move |sample| sample.mono_ns <= end_ns)
    }

    /// Writes a recording of all samples from `begin_ns` on, and of those before in the same group.
    /// Returns how many these are.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn write<W: Write>(
        &self,
        output: W,
        header: &Header,
        begin_ns: u64,
    ) -> Result<usize, Error> {
        let mut writer = Writer::new(output, header)?;
        let mut count = 0;
        for sample in self.leading_to(begin_ns, u64::MAX) {
            writer.write_encoded(sample)?;
            count += 1;
        }
        Ok(count)
    }
}
