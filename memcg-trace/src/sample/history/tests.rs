use super::*;
use crate::sample::host_facts::HostFacts;
use crate::sample::recording::Reader;
use crate::sample::{Cache, Memcg, MemcgWalk, Slab, SlabCount};

const SECOND: u64 = 1_000_000_000;

/// Only the first sample has the host's facts, the name of the cache, and a counter that then
/// stands still.
fn sample(second: u64) -> Sample {
    let is_first = second == 0;
    let count = |cache, alloc_total| SlabCount {
        objcg: 1,
        cache,
        memcg_serial_nr: Some(1),
        alloc_total,
        free_total: 0,
    };
    let cache = Cache {
        cache: 7,
        name: "dentry".into(),
        ..Cache::default()
    };
    let mut counts = vec![count(8, 100 + second)];
    counts.extend(is_first.then(|| count(7, 50)));
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
            counts,
            caches: is_first.then_some(cache).into_iter().collect(),
            ..Slab::default()
        }),
        ..Sample::default()
    }
}

fn filled(bounds: Bounds, seconds: u64) -> History {
    let mut history = History::new(bounds);
    for second in 0..seconds {
        history.push(&sample(second)).unwrap();
    }
    history
}

fn small() -> Bounds {
    Bounds {
        bytes: 16 << 10,
        age_ns: None,
    }
}

#[test]
fn it_stays_within_its_bytes_and_keeps_the_newest() {
    let history = filled(small(), 1_000);
    assert!(history.bytes() <= small().bytes, "{}", history.bytes());
    assert!((10..1_000).contains(&history.len()), "{}", history.len());
    assert_eq!(history.samples().last().unwrap().mono_ns, 999 * SECOND);
    let one = filled(
        Bounds {
            bytes: 0,
            ..small()
        },
        3,
    );
    assert_eq!(one.len(), 1);
}

#[test]
fn it_drops_what_is_too_old() {
    let bounds = Bounds {
        bytes: 1 << 20,
        age_ns: Some(32 * SECOND),
    };
    let history = filled(bounds, 200);
    let first = history.samples().next().unwrap().mono_ns / SECOND;
    assert!((160..=167).contains(&first), "{first}");
}

#[test]
fn what_was_told_once_is_in_each_recording_of_it() {
    let history = filled(small(), 1_000);
    let mut file = Vec::new();
    let begin_ns = 990 * SECOND;
    let count = history
        .write(&mut file, &Header::default(), begin_ns)
        .unwrap();
    let mut reader = Reader::open(&*file).unwrap();
    let first = reader.read_sample().unwrap().unwrap();
    assert!(first.mono_ns <= begin_ns);
    assert!(first.host_facts.is_some());
    let slab = first.slab.unwrap();
    assert_eq!(slab.caches.len(), 1);
    let still = slab.counts.iter().find(|count| count.cache == 7);
    assert_eq!(still.map(|count| count.alloc_total), Some(50));
    let mut read = 1;
    while reader.read_sample().unwrap().is_some() {
        read += 1;
    }
    assert_eq!(read, count);
    assert!(count < history.len());
}

#[test]
fn counters_of_a_released_memcg_go_with_it() {
    let mut history = filled(small(), 3);
    let mut later = sample(3);
    later.memcgs = Some(MemcgWalk::default());
    later.slab = Some(Slab::default());
    let whole = history.lasting.added_to(&later).into_owned();
    assert_eq!(whole.slab.unwrap().counts, []);
}

#[test]
fn a_moment_is_led_to_by_whole_groups() {
    let history = filled(small(), 1_000);
    let (begin_ns, end_ns) = (980 * SECOND, 985 * SECOND);
    let mut samples = history.leading_to(begin_ns, end_ns);
    let first = samples.next().unwrap();
    assert!(first.mono_ns <= begin_ns);
    assert!(first.sample().unwrap().host_facts.is_some());
    assert_eq!(samples.last().unwrap().mono_ns, end_ns);
    let all = history.leading_to(0, end_ns).next().unwrap();
    assert_eq!(all.mono_ns, history.samples().next().unwrap().mono_ns);
}
