//! The last samples, as frames of a recording, within a time and a number of bytes.

use std::collections::VecDeque;
use std::sync::Arc;

/// A frame of a recording.
pub(in crate::cli) type Frame = Arc<[u8]>;

/// So many segments make up the time of the ring, and its bytes.
const SEGMENTS: u64 = 10;

/// Samples that can be read without those before.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Segment {
    /// The time of its first sample, CLOCK_MONOTONIC.
    pub(super) first_ns: u64,
    /// The first sample, with all that samples before it had and that still holds.
    pub(super) base: Frame,
    /// All samples, the first one without that.
    frames: Vec<Frame>,
    bytes: usize,
}

impl Segment {
    /// Its frames, where it is the first of a recording.
    pub(super) fn as_first(&self) -> impl Iterator<Item = &Frame> {
        std::iter::once(&self.base).chain(self.frames.iter().skip(1))
    }

    /// Its frames, where others are before it.
    pub(super) fn as_next(&self) -> impl Iterator<Item = &Frame> {
        self.frames.iter()
    }

    /// Its first and its last sample alone.
    pub(super) fn ends(&self) -> Self {
        let first = self.frames.iter().take(1);
        let last = self.frames.iter().skip(1).last();
        let frames: Vec<Frame> = first.chain(last).cloned().collect();
        Self {
            first_ns: self.first_ns,
            base: Arc::clone(&self.base),
            bytes: self.base.len() + frames.iter().map(|frame| frame.len()).sum::<usize>(),
            frames,
        }
    }

    /// The number of its samples.
    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    fn add(&mut self, frame: Frame) {
        self.bytes += frame.len();
        self.frames.push(frame);
    }
}

/// The ring. It forgets whole segments, so that what it has begins with one.
#[derive(Debug)]
pub(in crate::cli) struct Ring {
    segments: VecDeque<Segment>,
    bytes: usize,
    span_ns: u64,
    max_bytes: usize,
    /// The time until which samples were forgotten for lack of room.
    crowded_until_ns: u64,
}

impl Ring {
    /// A ring that reaches back for `span_ns`, as far as the segments fit into `max_bytes`. The
    /// newest segment stays, however large.
    pub(super) fn new(span_ns: u64, max_bytes: usize) -> Self {
        Self {
            segments: VecDeque::new(),
            bytes: 0,
            span_ns,
            max_bytes,
            crowded_until_ns: 0,
        }
    }

    /// Returns whether the next sample should begin a segment.
    pub(super) fn is_due(&self, now_ns: u64) -> bool {
        self.segments.back().is_none_or(|last| {
            now_ns.saturating_sub(last.first_ns) >= self.span_ns / SEGMENTS
                || last.bytes as u64 >= self.max_bytes as u64 / SEGMENTS
        })
    }

    /// Returns whether it should even if the sample is not a good beginning.
    pub(super) fn is_overdue(&self, now_ns: u64) -> bool {
        self.segments.back().is_none_or(|last| {
            now_ns.saturating_sub(last.first_ns) >= 2 * self.span_ns / SEGMENTS
                || last.bytes as u64 >= 2 * self.max_bytes as u64 / SEGMENTS
        })
    }

    /// Adds a sample that begins a segment, with and without all that still holds.
    pub(super) fn begin(&mut self, now_ns: u64, base: Frame, frame: Frame) {
        let mut segment = Segment {
            first_ns: now_ns,
            bytes: base.len(),
            base,
            frames: Vec::new(),
        };
        self.bytes += segment.bytes + frame.len();
        segment.add(frame);
        self.segments.push_back(segment);
        self.forget(now_ns);
    }

    /// Adds a sample, or an answer.
    pub(super) fn add(&mut self, now_ns: u64, frame: Frame) {
        if let Some(last) = self.segments.back_mut() {
            self.bytes += frame.len();
            last.add(frame);
            self.forget(now_ns);
        }
    }

    fn forget(&mut self, now_ns: u64) {
        let wanted_ns = now_ns.saturating_sub(self.span_ns);
        while let [first, second, ..] = self.segments.make_contiguous() {
            let is_old = second.first_ns <= wanted_ns;
            if !is_old && self.bytes <= self.max_bytes {
                break;
            }
            if !is_old {
                self.crowded_until_ns = second.first_ns;
            }
            self.bytes -= first.bytes;
            self.segments.pop_front();
        }
    }

    /// All that it has.
    pub(super) fn segments(&self) -> Vec<Segment> {
        self.segments.iter().cloned().collect()
    }

    /// Returns whether it would reach back further now, if there were more room.
    pub(super) fn is_crowded(&self, now_ns: u64) -> bool {
        self.crowded_until_ns > now_ns.saturating_sub(self.span_ns)
    }

    /// The bytes of its frames.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns how far it reaches back.
    pub(super) fn reach_ns(&self, now_ns: u64) -> u64 {
        let first = self.segments.front();
        first.map_or(0, |first| now_ns.saturating_sub(first.first_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// Frames say which second they are of.
    fn frame(second: u64, bytes: usize) -> Frame {
        let mut frame = second.to_le_bytes().to_vec();
        frame.resize(bytes, 0);
        frame.into()
    }

    fn fill(ring: &mut Ring, seconds: std::ops::Range<u64>, bytes: usize) {
        for second in seconds {
            let now_ns = second * SECOND;
            match ring.is_due(now_ns) {
                true => ring.begin(now_ns, frame(second, bytes), frame(second, bytes)),
                false => ring.add(now_ns, frame(second, bytes)),
            }
        }
    }

    fn seconds(ring: &Ring) -> Vec<u64> {
        let segments = ring.segments();
        let frames = segments.iter().flat_map(Segment::as_next);
        let second = |frame: &Frame| u64::from_le_bytes(frame[..8].try_into().unwrap());
        frames.map(second).collect()
    }

    #[test]
    fn it_reaches_back_as_far_as_wanted_and_little_more() {
        let mut ring = Ring::new(600 * SECOND, 1 << 20);
        fill(&mut ring, 0..2_000, 100);
        let kept = seconds(&ring);
        assert_eq!(kept, (kept[0]..2_000).collect::<Vec<_>>());
        let reach = 1_999 - kept[0];
        assert!((600..=660).contains(&reach), "{reach}");
        assert_eq!(ring.reach_ns(1_999 * SECOND), reach * SECOND);
        assert!(!ring.is_crowded(1_999 * SECOND));
        assert_eq!(ring.bytes(), kept.len() * 100 + ring.segments().len() * 100);
    }

    #[test]
    fn its_bytes_are_bounded_and_it_says_so() {
        let mut ring = Ring::new(600 * SECOND, 10_000);
        fill(&mut ring, 0..50, 100);
        assert!(!ring.is_crowded(49 * SECOND));
        assert_eq!(ring.reach_ns(49 * SECOND), 49 * SECOND);
        fill(&mut ring, 50..2_000, 100);
        assert!(ring.is_crowded(1_999 * SECOND));
        assert!(ring.bytes() <= 10_000, "{}", ring.bytes());
        let kept = seconds(&ring);
        assert!(kept.len() > 70, "{}", kept.len());
        // With smaller samples there is room again.
        fill(&mut ring, 2_000..4_000, 8);
        assert!(!ring.is_crowded(3_999 * SECOND));
        assert!(ring.reach_ns(3_999 * SECOND) >= 600 * SECOND);
    }

    #[test]
    fn the_newest_sample_stays_however_large() {
        let mut ring = Ring::new(600 * SECOND, 1_000);
        fill(&mut ring, 0..5, 700);
        assert_eq!(seconds(&ring), [4]);
        assert!(ring.is_crowded(4 * SECOND));
    }

    #[test]
    fn a_recording_begins_with_a_base_and_has_each_sample_once() {
        let mut ring = Ring::new(10 * SECOND, 1 << 20);
        for second in 0..4 {
            let now_ns = second * SECOND;
            match second % 2 {
                0 => ring.begin(now_ns, frame(100 + second, 8), frame(second, 8)),
                _ => ring.add(now_ns, frame(second, 8)),
            }
        }
        let segments = ring.segments();
        let all = segments[0].as_first().chain(segments[1].as_next());
        let all: Vec<u8> = all.map(|frame| frame[0]).collect();
        assert_eq!(all, [100, 1, 2, 3]);
        let last: Vec<u8> = segments[1].as_first().map(|frame| frame[0]).collect();
        assert_eq!(last, [102, 3]);
    }
}
