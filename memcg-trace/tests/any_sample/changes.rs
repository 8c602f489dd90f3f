//! Whatever the samples say, `export --changes` has it all; and of a stream that was damaged no
//! frame is rebuilt that was not exported.

use memcg_trace::output::changes::{Changes, Frames, Rebuilt};
use memcg_trace::output::ndjson::Ndjson;
use memcg_trace::sample::Sample;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::fixture::{host, snapshots};
use crate::samples::sample;
use crate::schemas;

/// The frames as they are exported, and what was written of them with `--changes`.
fn exported(samples: &[Sample], whole_every: u64) -> (Vec<Vec<u8>>, Vec<u8>) {
    let (mut whole, mut changed) = (Vec::new(), Vec::new());
    let mut plain = Ndjson::new(Vec::new(), host());
    let mut changes = Ndjson::new(Changes::new(&mut changed, whole_every), host());
    for snapshot in snapshots(samples) {
        plain.write(&snapshot).unwrap();
        changes.write(&snapshot).unwrap();
        whole.push(std::mem::take(plain.output_mut()));
    }
    drop(changes);
    (whole, changed)
}

fn rebuilt(stream: &[u8]) -> (Vec<Vec<u8>>, usize) {
    let (mut whole, mut lost) = (Vec::new(), 0);
    for frame in Frames::of(stream) {
        match frame {
            Rebuilt::Whole(records) => whole.push(records),
            Rebuilt::Lost(_) => lost += 1,
        }
    }
    (whole, lost)
}

/// Records of changes are what their schemas say.
fn check_records(stream: &[u8]) {
    let lines = std::str::from_utf8(stream).unwrap().lines();
    for (seq, line) in lines.enumerate() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(record["seq"], seq);
        let kind = record["type"].as_str().unwrap();
        if ["base", "removed", "changed"].contains(&kind) {
            schemas::assert_valid(kind, &record);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changes_make_the_same_frames(
        samples in vec(sample().boxed(), 1..6),
        whole_every in 1_u64..5,
        at: Index,
        byte: u8,
    ) {
        let (whole, changed) = exported(&samples, whole_every);
        let (frames, lost) = rebuilt(&changed);
        prop_assert_eq!(lost, 0);
        prop_assert!(frames == whole);
        check_records(&changed);

        // A record is missing.
        let mut lines: Vec<&[u8]> = changed.split_inclusive(|byte| *byte == b'\n').collect();
        lines.remove(at.index(lines.len()));
        let (frames, lost) = rebuilt(&lines.concat());
        prop_assert!(lost > 0 && frames.len() < whole.len());
        prop_assert!(frames.iter().all(|frame| whole.contains(frame)));

        // The end is missing: either of the last frame, or of some whole ones.
        let cut = at.index(changed.len());
        let (frames, lost) = rebuilt(&changed[..cut]);
        prop_assert!(lost <= 1 && whole.starts_with(&frames));

        // A byte is another.
        let mut other = changed.clone();
        other[cut] = byte;
        let (frames, _) = rebuilt(&other);
        prop_assert!(frames.iter().all(|frame| whole.contains(frame)));

        // The start is missing.
        let (frames, _) = rebuilt(&changed[cut..]);
        prop_assert!(frames.iter().all(|frame| whole.contains(frame)));
    }
}
