//! The model on samples: walks and events of memcgs, and counters of slab.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod figures;
#[path = "../fixture/mod.rs"]
mod fixture;

use fixture::{
    DYING, ONLINE, ROOT, SECOND, START_NS, count, empty, life, memcg, root, slab, snapshots, walk,
    walked, zombie,
};
use memcg_trace::model::Model;
use memcg_trace::model::select::{self, Selection};
use memcg_trace::model::snapshot::{Phase, Snapshot, Source};
use memcg_trace::sample::{Absent, Memcg, MemcgEventKind, Sample, Text};

fn lived(second: u64, events: &[(MemcgEventKind, u64, &Memcg)]) -> Sample {
    let events = events
        .iter()
        .map(|(kind, time_ns, memcg)| life(*kind, *time_ns, memcg));
    Sample {
        life: Some(events.collect()),
        ..empty(second)
    }
}

fn paths(snapshot: &Snapshot) -> Vec<String> {
    snapshot
        .memcgs
        .items
        .iter()
        .map(|memcg| memcg.id.path.display().into_owned())
        .collect()
}

fn phase_of(snapshot: &Snapshot, path: &str) -> Option<Phase> {
    let mut items = snapshot.memcgs.items.iter();
    items
        .find(|memcg| memcg.id.path == Text::from(path))
        .unwrap()
        .phase
}

fn at(second: u64) -> u64 {
    START_NS + second * SECOND
}

#[test]
fn a_walk_becomes_a_tree() {
    let rows = vec![
        root(),
        memcg(2, ROOT, "b"),
        memcg(3, ROOT, "a"),
        zombie(4, 2, "x", 3),
        zombie(5, 4, "y", 1),
    ];
    let snapshot = &snapshots(&[walked(0, rows)])[0];
    assert_eq!(paths(snapshot), ["/", "/a", "/b", "/b/x", "/b/x/y"]);
    let zombies: Vec<u64> = snapshot
        .memcgs
        .items
        .iter()
        .map(|memcg| memcg.zombies)
        .collect();
    assert_eq!(zombies, [2, 0, 2, 1, 0]);
    let depths: Vec<u16> = snapshot
        .memcgs
        .items
        .iter()
        .map(|memcg| memcg.depth)
        .collect();
    assert_eq!(depths, [0, 1, 1, 2, 3]);
    assert_eq!(snapshot.totals.zombies, Some(2));
    assert_eq!(snapshot.memcgs.items[3].parent_cgroup_id, Some(1002));
}

#[test]
fn phases_follow_the_kernels_flags() {
    let base = || zombie(2, ROOT, "z", 5);
    let cases = [
        (memcg(2, ROOT, "z"), None),
        // In creation: not online yet, and not offline either.
        (
            Memcg {
                flags: 0,
                ..memcg(2, ROOT, "z")
            },
            None,
        ),
        (
            Memcg {
                flags: ONLINE | DYING,
                populated: Some(2),
                ..base()
            },
            Some(Phase::Populated),
        ),
        (
            Memcg {
                flags: ONLINE | DYING,
                confirmed: false,
                ..base()
            },
            Some(Phase::KillPending),
        ),
        (
            Memcg {
                flags: ONLINE | DYING,
                ..base()
            },
            Some(Phase::OfflineQueued),
        ),
        (base(), Some(Phase::Pinned)),
        (
            Memcg {
                refs: None,
                ..base()
            },
            Some(Phase::Pinned),
        ),
        (
            Memcg {
                refs: Some(0),
                ..base()
            },
            Some(Phase::Freeing),
        ),
        (
            Memcg {
                flags: 0,
                killed: true,
                ..base()
            },
            Some(Phase::Pinned),
        ),
    ];
    for (row, phase) in cases {
        let snapshot = &snapshots(&[walked(0, vec![root(), row.clone()])])[0];
        assert_eq!(phase_of(snapshot, "/z"), phase, "{row:?}");
    }
    let released = Memcg {
        flags: DYING | 1 << 2,
        ..base()
    };
    assert_eq!(
        paths(&snapshots(&[walked(0, vec![root(), released])])[0]),
        ["/"]
    );
}

#[test]
fn events_are_the_change_since_the_walk() {
    let (old, new) = (memcg(2, ROOT, "old"), memcg(3, ROOT, "new"));
    let all = snapshots(&[
        walked(0, vec![root(), old.clone()]),
        lived(
            1,
            &[
                (MemcgEventKind::Online, at(1) - 9, &new),
                (MemcgEventKind::Offline, at(1) - 5, &old),
            ],
        ),
        lived(2, &[(MemcgEventKind::Released, at(2) - 9, &old)]),
        empty(3),
    ]);
    assert_eq!(paths(&all[1]), ["/", "/new", "/old"]);
    assert_eq!(phase_of(&all[1], "/old"), Some(Phase::Pinned));
    assert_eq!(all[1].memcgs.items[2].offline_ns, Some(at(1) - 5));
    assert_eq!(all[1].memcgs.items[2].facts.refs, None);
    let creator = all[1].memcgs.items[1].creator.as_ref().unwrap();
    assert_eq!((creator.pid, &creator.comm), (812, &Text::from("systemd")));
    assert_eq!(paths(&all[2]), ["/", "/new"]);
    assert!(
        std::sync::Arc::ptr_eq(&all[2].memcgs, &all[3].memcgs),
        "nothing new, nothing made"
    );
    assert_eq!(all[3].memcgs.as_of_ns, Some(at(0)), "as old as its walk");
}

#[test]
fn a_walk_is_not_an_instant() {
    let rows = vec![root(), memcg(2, ROOT, "a"), memcg(3, ROOT, "b")];
    let during = at(1) - 500_000;
    let before = at(1) - 2_000_000;
    let late = memcg(4, ROOT, "late");
    let early = memcg(5, ROOT, "early");
    let sample = Sample {
        life: lived(
            1,
            &[
                (MemcgEventKind::Online, before, &early),
                (MemcgEventKind::Offline, before, &rows[1]),
                (MemcgEventKind::Released, during, &rows[1]),
                (MemcgEventKind::Offline, during, &rows[2]),
                (MemcgEventKind::Online, during, &late),
            ],
        )
        .life,
        ..walked(1, rows.clone())
    };
    let all = snapshots(&[walked(0, rows.clone()), sample, walked(2, rows)]);
    // The walk listed /a before it was released, and /b before it went offline; /late was made
    // behind the walk's position. /early was made before the walk, which did not find it: it is
    // gone.
    assert_eq!(paths(&all[1]), ["/", "/b", "/late"]);
    assert_eq!(phase_of(&all[1], "/b"), Some(Phase::Pinned));
    // The next walk began later: its result counts.
    assert_eq!(phase_of(&all[2], "/b"), None);
    assert_eq!(
        paths(&all[2]),
        ["/", "/b"],
        "/a stays released, /late is gone"
    );
}

#[test]
fn an_event_of_the_time_before_a_walk_is_contained_in_it() {
    let row = memcg(2, ROOT, "a");
    let mut sample = lived(1, &[(MemcgEventKind::Offline, at(1) - SECOND / 2, &row)]);
    sample.memcgs = Some(walk(1, vec![root(), zombie(2, ROOT, "a", 9)]));
    let all = snapshots(&[walked(0, vec![root(), row]), sample]);
    assert_eq!(
        all[1].memcgs.items[1].facts.refs,
        Some(9),
        "the walk's figure, not undone"
    );
    assert_eq!(all[1].memcgs.items[1].offline_ns, Some(at(1) - SECOND / 2));
}

#[test]
fn a_truncated_walk_says_nothing_of_the_rest() {
    let rows = vec![root(), memcg(2, ROOT, "a"), memcg(3, ROOT, "b")];
    let mut cut = walked(1, rows[..2].to_vec());
    cut.memcgs.as_mut().unwrap().truncated_at = Some(2);
    let all = snapshots(&[walked(0, rows), cut]);
    assert_eq!(paths(&all[1]), ["/", "/a", "/b"]);
    assert_eq!(all[1].memcgs.truncated_at, Some(2));
}

#[test]
fn the_dead_keep_their_path() {
    let nameless = Memcg {
        name: Text::default(),
        ..zombie(3, 2, "", 1)
    };
    let rows = vec![root(), memcg(2, ROOT, "a"), memcg(3, 2, "b")];
    let all = snapshots(&[
        walked(0, rows),
        walked(1, vec![root(), nameless]),
        walked(2, vec![root(), memcg(8, 77, "orphan")]),
    ]);
    assert_eq!(paths(&all[1]), ["/", "/a/b"]);
    assert_eq!(paths(&all[2]), ["/", "/?/orphan"]);
}

/// The first sample has events from before the first walk.
#[test]
fn an_event_before_the_first_walk_gets_its_path_from_it() {
    let (parent, child) = (memcg(3, 2, "b"), memcg(4, 3, "c"));
    let mut first = lived(
        1,
        &[
            (MemcgEventKind::Online, at(1), &child),
            (MemcgEventKind::Online, at(1), &parent),
        ],
    );
    first.memcgs = Some(walk(1, vec![root(), memcg(2, ROOT, "a")]));
    let all = snapshots(&[first, walked(1, vec![root(), memcg(2, ROOT, "a")])]);
    assert_eq!(paths(&all[0]), ["/", "/a", "/a/b", "/a/b/c"]);
}

#[test]
fn trees_that_cannot_be_do_no_harm() {
    let rows = vec![
        memcg(2, 2, "self"),
        memcg(3, 4, "loop"),
        memcg(4, 3, "loop"),
    ];
    let all = snapshots(&[walked(0, rows.clone()), walked(1, rows)]);
    assert_eq!(all.len(), 2);
    let deep: Vec<Memcg> = (1..3_000)
        .map(|serial_nr| memcg(serial_nr, serial_nr - 1, "d"))
        .collect();
    assert_eq!(snapshots(&[walked(0, deep)])[0].memcgs.items.len(), 2_999);
}

/// Ten thousand memcgs, a few of them busy. There is no time limit, which a loaded machine would
/// exceed: quadratic code would take minutes.
#[test]
fn ten_thousand_memcgs_are_no_burden() {
    let rows: Vec<Memcg> = (1..=10_000)
        .map(|serial_nr| memcg(serial_nr, serial_nr / 10, format!("n{serial_nr}").as_str()))
        .collect();
    let mut model = Model::new();
    let mut spent = std::time::Duration::ZERO;
    for second in 0..10 {
        let counts = (1..=10_000).map(|at| count(at, 0xc1, at, 100 * second, 90 * second));
        let sample = Sample {
            slab: Some(slab(second, counts.collect())),
            ..walked(second, rows.clone())
        };
        let began = std::time::Instant::now();
        let snapshot = model.step(&sample);
        spent += began.elapsed();
        assert_eq!(snapshot.memcgs.items.len(), 10_000);
    }
    println!("{:?} a step", spent / 10);
}
