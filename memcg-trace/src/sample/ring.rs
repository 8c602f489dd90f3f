//! The last samples, encoded, within bounds on their bytes and on their age.
//!
//! Samples are in segments. The first sample of each is there twice: as it came, and with all that
//! samples before it had and that still holds. So a segment can be read without those before it,
//! and whole segments make room for new samples.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io::Write;

use super::lasting::Lasting;
use super::recording::{Encoded, Error, Header, Writer};
use super::{Sample, SlabBefore};

/// So many segments make up the age of the ring, and its bytes.
const SEGMENTS: u64 = 10;
/// Bytes of a sample beside its encoded form.
const OVERHEAD_BYTES: usize = size_of::<Encoded>();

/// Bounds of what is kept.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of encoded samples. The newest segment stays, however large.
    pub bytes: usize,
    /// The time that the samples reach back at least, as far as their bytes are within the bound; `None`
    /// if these alone decide.
    pub age_ns: Option<u64>,
}

/// The last samples.
#[derive(Debug)]
pub struct Ring {
    bounds: Bounds,
    segments: VecDeque<Segment>,
    bytes: usize,
    lasting: Lasting,
    /// The time until which samples were forgotten for lack of room.
    crowded_until_ns: u64,
}

/// Samples that can be read without those before.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The first sample, with all that samples before it had and that still holds.
    base: Encoded,
    /// All samples, the first one without that.
    samples: Vec<Encoded>,
    bytes: usize,
}

impl Segment {
    fn new(base: Encoded) -> Self {
        Self {
            bytes: bytes_of(&base),
            base,
            samples: Vec::new(),
        }
    }

    fn add(&mut self, sample: Encoded) {
        self.bytes += bytes_of(&sample);
        self.samples.push(sample);
    }

    /// The time of its first sample, CLOCK_MONOTONIC.
    #[must_use]
    pub fn first_ns(&self) -> u64 {
        self.base.mono_ns
    }

    /// Its first and its last sample alone.
    #[must_use]
    pub fn ends(&self) -> Self {
        let mut ends = Self::new(self.base.clone());
        let first = self.samples.iter().take(1);
        let last = self.samples.iter().skip(1).last();
        for sample in first.chain(last) {
            ends.add(sample.clone());
        }
        ends
    }

    /// The number of its samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Returns whether it has no samples, as none has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }
}

/// The samples of segments that follow each other, as they are in a recording that begins with them.
pub fn recorded<'a>(
    segments: impl IntoIterator<Item = &'a Segment>,
) -> impl Iterator<Item = &'a Encoded> {
    segments.into_iter().enumerate().flat_map(|(at, segment)| {
        let base = (at == 0).then_some(&segment.base);
        let others = segment.samples.iter().skip(usize::from(at == 0));
        base.into_iter().chain(others)
    })
}

fn bytes_of(sample: &Encoded) -> usize {
    sample.bytes() + OVERHEAD_BYTES
}

impl Ring {
    /// Creates an empty ring.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            segments: VecDeque::new(),
            bytes: 0,
            lasting: Lasting::default(),
            crowded_until_ns: 0,
        }
    }

    /// Adds a sample, and drops the oldest ones where the bounds ask for that. `counted` is what
    /// slab counters counted until this sample. Returns the sample as it was encoded.
    ///
    /// # Errors
    /// If the sample is too large for a recording. Then it is not kept.
    pub fn push(
        &mut self,
        sample: &Sample,
        counted: impl FnOnce() -> SlabBefore,
    ) -> Result<Encoded, Error> {
        let own = Encoded::of(sample)?;
        if sample.is_answer() {
            // An answer is no sample to begin with: it has no figures of its own.
            self.add(own.clone());
            return Ok(own);
        }
        self.lasting.read(sample);
        // Without a list of memory cgroups the first samples of a recording would have no names.
        let has_names = sample.memcgs.is_some() || sample.absence("memcg").is_some();
        let now_ns = sample.mono_ns;
        if self.is_due(now_ns, 1) && has_names || self.is_due(now_ns, 2) {
            let base = Encoded::of(&self.lasting.added_to(sample, counted()))?;
            self.begin(base, own.clone());
        } else {
            self.add(own.clone());
        }
        Ok(own)
    }

    /// Returns whether the newest segment has so many shares of the bounds.
    fn is_due(&self, now_ns: u64, shares: u64) -> bool {
        let Some(newest) = self.segments.back() else {
            return true;
        };
        let age_ns = now_ns.saturating_sub(newest.first_ns());
        let bound_ns = self.bounds.age_ns;
        bound_ns.is_some_and(|bound_ns| age_ns >= bound_ns / SEGMENTS * shares)
            || newest.bytes as u64 >= self.bounds.bytes as u64 / SEGMENTS * shares
    }

    /// Begins a segment with a sample, which is given with and without all that still holds.
    fn begin(&mut self, base: Encoded, own: Encoded) {
        let segment = Segment::new(base);
        self.bytes += segment.bytes;
        self.segments.push_back(segment);
        self.add(own);
    }

    /// Adds a sample to the newest segment, if there is one.
    fn add(&mut self, sample: Encoded) {
        if let Some(newest) = self.segments.back_mut() {
            let now_ns = sample.mono_ns;
            self.bytes += bytes_of(&sample);
            newest.add(sample);
            self.forget(now_ns);
        }
    }

    fn forget(&mut self, now_ns: u64) {
        while let [first, second, ..] = self.segments.make_contiguous() {
            let wanted_ns = self
                .bounds
                .age_ns
                .map(|age_ns| now_ns.saturating_sub(age_ns));
            let is_old = wanted_ns.is_some_and(|wanted_ns| second.first_ns() <= wanted_ns);
            if !is_old && self.bytes <= self.bounds.bytes {
                break;
            }
            if !is_old {
                self.crowded_until_ns = second.first_ns();
            }
            self.bytes -= first.bytes;
            self.segments.pop_front();
        }
    }

    /// Returns the samples as they came, the oldest first.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = &Encoded> {
        self.segments.iter().flat_map(|segment| &segment.samples)
    }

    /// All segments, the oldest first.
    #[must_use]
    pub fn segments(&self) -> Vec<Segment> {
        self.segments.iter().cloned().collect()
    }

    /// Returns whether it would reach back further now, if there were more room.
    #[must_use]
    pub fn is_crowded(&self, now_ns: u64) -> bool {
        let wanted_ns = self
            .bounds
            .age_ns
            .map(|age_ns| now_ns.saturating_sub(age_ns));
        self.crowded_until_ns > wanted_ns.unwrap_or(0)
    }

    /// Returns the bytes that are kept.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns how far it reaches back.
    #[must_use]
    pub fn reach_ns(&self, now_ns: u64) -> u64 {
        let oldest = self.segments.front();
        oldest.map_or(0, |oldest| now_ns.saturating_sub(oldest.first_ns()))
    }

    /// Returns the samples until `end_ns`, from the first of a segment on: of the segment of the
    /// last sample that is not before `begin_ns`, or of the oldest.
    pub fn leading_to(&self, begin_ns: u64, end_ns: u64) -> impl Iterator<Item = &Encoded> {
        let older = |segment: &&Segment| segment.first_ns() <= begin_ns;
        let first = self.segments.iter().take_while(older).count();
        recorded(self.segments.iter().skip(first.saturating_sub(1)))
            .take_while(move |sample| sample.mono_ns <= end_ns)
    }

    /// Writes a recording of all samples from `begin_ns` on, and of those before in the same
    /// segment. Returns how many these are.
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
