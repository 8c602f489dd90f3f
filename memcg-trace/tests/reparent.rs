//! Objects that dead memory cgroups leave to their ancestors.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;

use std::sync::Arc;

use fixture::{
    EVIL, ROOT, START_NS, count, empty, host, life, memcg, root, slab, snapshots, walk, walked,
    zombie,
};
use memcg_trace::model::reparent;
use memcg_trace::model::snapshot::{Reparent, Snapshot};
use memcg_trace::model::zombies::Wanted;
use memcg_trace::output::ndjson::Ndjson;
use memcg_trace::sample::{Memcg, MemcgEvent, MemcgEventKind, MemcgWalk, Sample, Text};

/// A sample with events.
fn heard(second: u64, events: Vec<MemcgEvent>) -> Sample {
    Sample {
        life: Some(events),
        ..empty(second)
    }
}

fn at(kind: MemcgEventKind, second: u64, memcg: &Memcg) -> MemcgEvent {
    life(kind, START_NS + second * fixture::SECOND - 5, memcg)
}

/// `/heir` and, born in this run, `/heir/job` with a child.
fn family() -> [Memcg; 3] {
    let heir = memcg(2, ROOT, "heir");
    [heir, memcg(3, 2, "job"), memcg(4, 3, "step")]
}

fn begin() -> Vec<Sample> {
    let [heir, job, step] = family();
    let first = Sample {
        life: Some(Vec::new()),
        ..walked(0, vec![root(), heir])
    };
    let born = vec![
        at(MemcgEventKind::Online, 1, &job),
        at(MemcgEventKind::Online, 1, &step),
    ];
    vec![first, heard(1, born)]
}

fn only(snapshot: &Snapshot) -> &Reparent {
    let [one] = &snapshot.reparents.items[..] else {
        unreachable!("{:?}", snapshot.reparents.items);
    };
    one
}

fn figures(reparent: &Reparent) -> (Option<u64>, Option<u64>, Option<u64>) {
    (
        reparent.slab_objects,
        reparent.slab_bytes,
        reparent.lru_pages,
    )
}

#[test]
fn slab_objects_and_pages_go_to_the_parent() {
    let [_, job, _] = family();
    let mut samples = begin();
    samples[1].slab = Some(slab(0, vec![count(0xa, 0xc1, 3, 100, 40)]));
    // When the counters are read again, the objects are the parent's.
    samples.push(Sample {
        slab: Some(slab(
            2,
            vec![count(0xa, 0xc1, 2, 110, 40), count(0xa, 0xc3, 2, 1, 0)],
        )),
        ..heard(2, vec![at(MemcgEventKind::Offline, 2, &job)])
    });
    let all = snapshots(&samples);
    assert!(all[1].reparents.is_known() && all[1].reparents.items.is_empty());
    let one = only(&all[2]);
    assert_eq!(one.memcg.path, Text::from("/heir/job"));
    assert_eq!(one.to.as_ref().unwrap().path, Text::from("/heir"));
    let bytes = 70 * 192 + 1024;
    assert_eq!(figures(one), (Some(71), Some(bytes), Some(6400)));
    assert!(Arc::ptr_eq(
        &one.memcg,
        &reparent::find(&all[2], &Wanted::parse(b"job"))
            .unwrap()
            .memcg
    ));
    let said = reparent::sentence(one);
    assert_eq!(
        said,
        "/heir/job is gone, not a zombie; 6,400 pages and 71 slab objects reparented to /heir"
    );
}

/// Their parent is in the walk that arrives with the events.
#[test]
fn those_that_are_gone_before_the_first_walk_have_a_path() {
    let [heir, job, _] = family();
    let events = [MemcgEventKind::Offline, MemcgEventKind::Released].map(|kind| at(kind, 0, &job));
    let first = Sample {
        life: Some(events.to_vec()),
        ..walked(0, vec![root(), heir])
    };
    let all = snapshots(&[first]);
    let one = only(&all[0]);
    assert_eq!(one.memcg.path, Text::from("/heir/job"));
    assert_eq!(one.to.as_ref().unwrap().path, Text::from("/heir"));
}

/// A child's objects pass to its parent, and from there to the grandparent.
#[test]
fn what_was_inherited_is_inherited_again() {
    let [_, job, step] = family();
    let mut samples = begin();
    let counts = vec![count(0xa, 0xc1, 3, 10, 0), count(0xb, 0xc1, 4, 5, 0)];
    samples[1].slab = Some(slab(0, counts));
    let both = vec![
        at(MemcgEventKind::Offline, 2, &step),
        at(MemcgEventKind::Offline, 2, &job),
    ];
    // Nothing moved since, so nothing is counted.
    let at_once = Sample {
        slab: Some(slab(2, Vec::new())),
        ..heard(2, both.clone())
    };
    let mut later: Vec<Sample> = samples.clone();
    samples.push(at_once);
    for (second, event) in (2..).zip(both) {
        later.push(Sample {
            slab: Some(slab(second, Vec::new())),
            ..heard(second, vec![event])
        });
    }
    for samples in [samples, later] {
        let last = snapshots(&samples).pop().unwrap();
        let [first, second] = &last.reparents.items[..] else {
            panic!("{:?}", last.reparents.items);
        };
        assert_eq!(first.memcg.name, Text::from("step"));
        assert_eq!(
            (first.slab_objects, second.slab_objects),
            (Some(5), Some(15))
        );
        assert_eq!(first.to.as_ref().unwrap().name, Text::from("job"));
        assert_eq!(second.to.as_ref().unwrap().name, Text::from("heir"));
    }
}

#[test]
fn what_was_not_counted_is_not_known() {
    let old = memcg(2, ROOT, "old");
    let first = Sample {
        life: Some(Vec::new()),
        slab: Some(slab(0, vec![count(0xa, 0xc1, 2, 10, 0)])),
        ..walked(0, vec![root(), old.clone()])
    };
    let young = memcg(3, ROOT, "young");
    let event = |kind, memcg| at(kind, 1, memcg);
    let second = heard(
        1,
        vec![
            event(MemcgEventKind::Offline, &old),
            event(MemcgEventKind::Online, &young),
            event(MemcgEventKind::Offline, &young),
            event(MemcgEventKind::Released, &young),
        ],
    );
    let last = snapshots(&[first, second]).pop().unwrap();
    let [old, young] = &last.reparents.items[..] else {
        panic!("{:?}", last.reparents.items);
    };
    assert_eq!(figures(old), (None, None, Some(6400)), "older than the run");
    // This memcg was made and removed between two readings.
    assert_eq!(figures(young), (None, None, Some(6400)));
    assert_eq!(young.memcg.path, Text::from("/young"));
    assert_eq!(young.to.as_ref().unwrap().path, Text::from("/"));
}

#[test]
fn pages_move_where_the_kernel_moves_them() {
    let dies = |reparents_lru| {
        let one = memcg(2, ROOT, "one");
        let first = Sample {
            life: Some(Vec::new()),
            memcgs: Some(MemcgWalk {
                reparents_lru,
                ..walk(0, vec![root(), one.clone()])
            }),
            ..empty(0)
        };
        let events = vec![at(MemcgEventKind::Offline, 1, &one)];
        let last = snapshots(&[first, heard(1, events)]).pop().unwrap();
        only(&last).lru_pages
    };
    assert_eq!(dies(Some(true)), Some(6400));
    assert_eq!(dies(Some(false)), Some(0), "they stay where they are");
    assert_eq!(dies(None), None, "an old recording does not say");
}

/// The first walk arrives with events from before it.
#[test]
fn events_before_the_first_walk() {
    let one = memcg(3, 2, "one");
    let sample = Sample {
        life: Some(vec![at(MemcgEventKind::Offline, 0, &one)]),
        ..walked(
            0,
            vec![root(), memcg(2, ROOT, "above"), zombie(3, 2, "one", 1)],
        )
    };
    let last = snapshots(&[sample]).pop().unwrap();
    assert_eq!(only(&last).memcg.path, Text::from("/above/one"));
    assert_eq!(only(&last).to.as_ref().unwrap().path, Text::from("/above"));
}

#[test]
fn a_storm_leaves_the_last_ones() {
    let mut samples = vec![Sample {
        life: Some(Vec::new()),
        ..walked(0, vec![root()])
    }];
    for second in 1..4 {
        let jobs = (0..200).map(|number| memcg(second * 1000 + number, ROOT, "job"));
        let events = jobs.flat_map(|job| {
            [
                MemcgEventKind::Online,
                MemcgEventKind::Offline,
                MemcgEventKind::Released,
            ]
            .map(|kind| at(kind, second, &job))
        });
        samples.push(heard(second, events.collect()));
    }
    let all = snapshots(&samples);
    let last = &all[3].reparents;
    assert_eq!((last.items.len(), last.visited), (256, Some(600)));
    assert_eq!(last.items[255].number, 600);
    assert_eq!(last.truncated_at, None, "each was in a snapshot once");
    let mut records = Ndjson::new(Vec::new(), host());
    for snapshot in &all {
        records.write(snapshot).unwrap();
    }
    // Writing the same snapshot twice repeats no record.
    records.write(&all[3]).unwrap();
    let text = format!("{records:?}");
    assert!(text.contains("reparents: 600"), "{text:.200}");
}

#[test]
fn hostile_names_are_tamed() {
    let evil = Memcg {
        name: EVIL.into(),
        ..memcg(2, ROOT, "")
    };
    let first = Sample {
        life: Some(Vec::new()),
        ..walked(0, vec![root(), evil.clone()])
    };
    let last = snapshots(&[first, heard(1, vec![at(MemcgEventKind::Offline, 1, &evil)])]);
    let said = reparent::sentence(only(&last[1]));
    assert!(!said.chars().any(char::is_control), "{said:?}");
    assert!(!said.contains('\u{202e}'), "{said:?}");
}

/// The smallest and largest figures that a record can have.
#[test]
fn sums_that_overflow_are_not_known() {
    let [_, job, _] = family();
    let mut samples = begin();
    let counts = vec![
        count(0xa, 0xc1, 3, u64::MAX, 0),
        count(0xa, 0xc2, 3, u64::MAX, 0),
    ];
    samples[1].slab = Some(slab(0, counts));
    samples.push(heard(2, vec![at(MemcgEventKind::Offline, 2, &job)]));
    let last = snapshots(&samples).pop().unwrap();
    assert_eq!(figures(only(&last)), (None, None, Some(6400)));
}

#[test]
fn one_without_a_figure_says_so() {
    let memcg = Arc::new(memcg_trace::model::snapshot::MemcgId {
        path: "/x".into(),
        ..Default::default()
    });
    let reparent = Reparent {
        number: 1,
        time_ns: 0,
        memcg,
        to: None,
        slab_objects: None,
        slab_bytes: None,
        lru_pages: None,
    };
    assert!(!reparent.moved());
    assert_eq!(
        reparent::sentence(&reparent),
        "/x is gone, not a zombie; nothing is known to have gone to an ancestor"
    );
}
