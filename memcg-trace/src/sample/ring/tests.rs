use super::*;
use crate::sample::host_facts::HostFacts;
use crate::sample::recording::Reader;
use crate::sample::{Cache, Memcg, MemcgWalk, Slab, SlabCount};

const SECOND: u64 = 1_000_000_000;

/// Only the first sample has the host's facts and the name of the cache.
fn sample(second: u64) -> Sample {
    let is_first = second == 0;
    let cache = Cache {
        cache: 7,
        name: "dentry".into(),
        ..Cache::default()
    };
    Sample {
        mono_ns: second * SECOND,
        host_facts: is_first.then(HostFacts::default),
        memcgs: Some(MemcgWalk {
            rows: vec![Memcg {
                serial_nr: 1,
                ..Memcg::default()
            }],
            ..MemcgWalk::default()
        }),
        slab: Some(Slab {
            counts: vec![count(8, 100 + second)],
            caches: is_first.then_some(cache).into_iter().collect(),
            ..Slab::default()
        }),
        ..Sample::default()
    }
}

fn count(cache: u64, alloc_total: u64) -> SlabCount {
    SlabCount {
        objcg: 1,
        cache,
        memcg_serial_nr: Some(1),
        alloc_total,
        free_total: 0,
    }
}

/// The last values of a counter that stands still, as the model has them.
fn counted() -> SlabBefore {
    SlabBefore {
        counts: vec![count(7, 50)],
        ..SlabBefore::default()
    }
}

fn filled(bounds: Bounds, seconds: u64) -> Ring {
    let mut ring = Ring::new(bounds);
    for second in 0..seconds {
        ring.push(&sample(second), counted).unwrap();
    }
    ring
}

fn small() -> Bounds {
    Bounds {
        bytes: 16 << 10,
        age_ns: None,
    }
}

fn reaching(seconds: u64, bytes: usize) -> Bounds {
    Bounds {
        bytes,
        age_ns: Some(seconds * SECOND),
    }
}

#[test]
fn it_stays_within_its_bytes_and_keeps_the_newest() {
    let ring = filled(small(), 1_000);
    assert!(ring.bytes() <= small().bytes, "{}", ring.bytes());
    let kept = ring.samples().count();
    assert!((10..1_000).contains(&kept), "{kept}");
    assert_eq!(ring.samples().last().unwrap().mono_ns, 999 * SECOND);
    let one = filled(
        Bounds {
            bytes: 0,
            ..small()
        },
        3,
    );
    assert_eq!(one.samples().count(), 1);
}

#[test]
fn it_drops_what_is_too_old() {
    let ring = filled(reaching(32, 1 << 20), 200);
    let first = ring.samples().next().unwrap().mono_ns / SECOND;
    assert!((160..=167).contains(&first), "{first}");
}

#[test]
fn what_was_told_once_is_in_each_recording_of_it() {
    let ring = filled(small(), 1_000);
    let mut file = Vec::new();
    let begin_ns = 990 * SECOND;
    let count = ring.write(&mut file, &Header::default(), begin_ns).unwrap();
    let mut reader = Reader::open(&*file).unwrap();
    let first = reader.read_sample().unwrap().unwrap();
    assert!(first.mono_ns <= begin_ns);
    assert!(first.host_facts.is_some());
    let slab = first.slab.unwrap();
    assert_eq!(slab.caches.len(), 1);
    assert_eq!(slab.before.as_deref(), Some(&counted()));
    let mut read = 1;
    while let Some(sample) = reader.read_sample().unwrap() {
        assert!(sample.host_facts.is_none());
        assert!(sample.slab.unwrap().before.is_none());
        read += 1;
    }
    assert_eq!(read, count);
    assert!(count < ring.samples().count());
}

#[test]
fn a_moment_is_led_to_by_whole_segments() {
    let ring = filled(small(), 1_000);
    let (begin_ns, end_ns) = (980 * SECOND, 985 * SECOND);
    let mut samples = ring.leading_to(begin_ns, end_ns);
    let first = samples.next().unwrap();
    assert!(first.mono_ns <= begin_ns);
    assert!(first.sample().unwrap().host_facts.is_some());
    assert_eq!(samples.last().unwrap().mono_ns, end_ns);
    let all = ring.leading_to(0, end_ns).next().unwrap();
    assert_eq!(all.mono_ns, ring.samples().next().unwrap().mono_ns);
}

#[test]
fn an_answer_and_a_sample_without_names_begin_nothing() {
    let mut ring = Ring::new(reaching(10, 1 << 20));
    let answer = Sample {
        waits: Some(crate::sample::waits::Waits::default()),
        ..Sample::default()
    };
    assert!(answer.is_answer());
    ring.push(&answer, counted).unwrap();
    assert_eq!(ring.samples().count(), 0);
    ring.push(&sample(0), counted).unwrap();
    let nameless = |second| Sample {
        memcgs: None,
        ..sample(second)
    };
    ring.push(&nameless(1), counted).unwrap();
    assert_eq!(ring.segments().len(), 1);
    // But it is better than none for too long.
    ring.push(&nameless(2), counted).unwrap();
    assert_eq!(ring.segments().len(), 2);
}

fn sized(second: u64, bytes: usize) -> Encoded {
    Encoded::of_bytes(second * SECOND, bytes - OVERHEAD_BYTES)
}

fn fill(ring: &mut Ring, seconds: std::ops::Range<u64>, bytes: usize) {
    for second in seconds {
        match ring.is_due(second * SECOND, 1) {
            true => ring.begin(sized(second, bytes), sized(second, bytes)),
            false => ring.add(sized(second, bytes)),
        }
    }
}

fn seconds(ring: &Ring) -> Vec<u64> {
    ring.samples().map(|one| one.mono_ns / SECOND).collect()
}

#[test]
fn it_reaches_back_as_far_as_wanted_and_little_more() {
    let mut ring = Ring::new(reaching(600, 1 << 20));
    fill(&mut ring, 0..2_000, 100);
    let kept = seconds(&ring);
    assert_eq!(kept, (kept[0]..2_000).collect::<Vec<_>>());
    let reach = 1_999 - kept[0];
    assert!((600..=660).contains(&reach), "{reach}");
    assert_eq!(ring.reach_ns(1_999 * SECOND), reach * SECOND);
    assert!(!ring.is_crowded(1_999 * SECOND));
    assert_eq!(ring.bytes(), (kept.len() + ring.segments().len()) * 100);
}

#[test]
fn its_bytes_are_bounded_and_it_says_so() {
    let mut ring = Ring::new(reaching(600, 10_000));
    fill(&mut ring, 0..50, 100);
    assert!(!ring.is_crowded(49 * SECOND));
    assert_eq!(ring.reach_ns(49 * SECOND), 49 * SECOND);
    fill(&mut ring, 50..2_000, 100);
    assert!(ring.is_crowded(1_999 * SECOND));
    assert!(ring.bytes() <= 10_000, "{}", ring.bytes());
    let kept = seconds(&ring);
    assert!(kept.len() > 70, "{}", kept.len());
    // With more seconds between samples there is room again.
    for second in (2_000..40_000).step_by(20) {
        fill(&mut ring, second..second + 1, 100);
    }
    assert!(!ring.is_crowded(39_980 * SECOND));
    assert!(ring.reach_ns(39_980 * SECOND) >= 600 * SECOND);
}

#[test]
fn the_newest_sample_stays_however_large() {
    let mut ring = Ring::new(reaching(600, 1_000));
    fill(&mut ring, 0..5, 700);
    assert_eq!(seconds(&ring), [4]);
    assert!(ring.is_crowded(4 * SECOND));
}

#[test]
fn a_recording_begins_with_a_base_and_has_each_sample_once() {
    let mut ring = Ring::new(reaching(10, 1 << 20));
    for second in 0..4 {
        match second % 2 {
            0 => ring.begin(sized(100 + second, 99), sized(second, 99)),
            _ => ring.add(sized(second, 99)),
        }
    }
    let segments = ring.segments();
    let of = |segments| -> Vec<u64> {
        let all = recorded(segments);
        all.map(|one| one.mono_ns / SECOND).collect()
    };
    assert_eq!(of(&segments[..]), [100, 1, 2, 3]);
    assert_eq!(of(&segments[1..]), [102, 3]);
    assert_eq!(of(&[segments[1].ends()]), [102, 3]);
}
