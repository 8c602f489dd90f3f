//! The list of zombies, their names in arguments, and the lifetime of an answer about one.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;

use std::sync::Arc;

use fixture::pins::{
    ZOMBIE, answered, demo_answer, demo_with_pins, file, object, pin, pinned, rows,
};
use fixture::{ROOT, empty, host, life, memcg, root, snapshots, walked, zombie};
use memcg_trace::model::Model;
use memcg_trace::model::select::Selection;
use memcg_trace::model::snapshot::{MemcgId, Pins, Snapshot};
use memcg_trace::model::zombies::{self, NotFound, Order, Wanted};
use memcg_trace::output::{pins as text, text::Style};
use memcg_trace::sample::pins::{ObjectKind, PinKind};
use memcg_trace::sample::{Absent, Memcg, MemcgEventKind, Sample};

#[test]
fn an_answer_holds_until_the_next_or_the_end_of_its_zombie() {
    let first = |kind, more| {
        pinned(
            ZOMBIE,
            more,
            vec![pin(kind, vec![object(ObjectKind::Unknown, 1, vec![])])],
        )
    };
    let other = pinned(7, 3, vec![]);
    let stranger = pinned(99, 1, vec![]);
    let released = Sample {
        life: Some(vec![life(MemcgEventKind::Released, u64::MAX, &rows()[4])]),
        ..empty(4)
    };
    let all = snapshots(&[
        walked(0, rows()),
        answered(1, vec![first(PinKind::Stock, 0), other, stranger]),
        answered(2, vec![first(PinKind::Swap, 4)]),
        walked(3, rows()),
        released,
    ]);
    let asked = |snapshot: &Snapshot| -> Vec<u64> {
        let items = snapshot.pins.items.iter();
        items.map(|item| item.zombie.serial_nr).collect()
    };
    assert!(!all[0].pins.is_known() && all[1].pins.is_known());
    assert_eq!(asked(&all[1]), [7, 8], "the stranger is gone already");
    assert_eq!(asked(&all[2]), [8, 7], "most references first");
    assert_eq!(all[2].pins.items[0].found.pins[0].kind, PinKind::Swap);
    assert!(Arc::ptr_eq(&all[2].pins, &all[3].pins), "nothing new");
    assert_eq!(asked(&all[4]), [7], "released");
    assert_eq!(all[4].pins.as_of_ns, all[2].pins.as_of_ns);
}

/// An answer is no periodic sample: it has no interval and no losses.
#[test]
fn an_answer_changes_nothing_else() {
    let with = snapshots(&demo_with_pins());
    let (before, after, next) = (&with[3], &with[4], &with[5]);
    assert_eq!(after.interval_ns, before.interval_ns);
    assert_eq!(next.interval_ns, Some(fixture::SECOND));
    assert!(Arc::ptr_eq(&after.losses, &before.losses) && !after.losses.is_empty());
    assert!(Arc::ptr_eq(&after.memcgs, &before.memcgs));
    assert!(Arc::ptr_eq(&after.slab, &before.slab));
    assert!(Arc::ptr_eq(&next.pins, &after.pins));
}

#[test]
fn what_cannot_be_asked_is_absent() {
    let sample = Sample {
        absent: vec![Absent {
            section: "pins".to_owned(),
            reason: "locked down".to_owned(),
        }],
        ..answered(1, demo_answer())
    };
    let snapshot = &snapshots(&[sample])[0];
    assert_eq!(snapshot.pins.reason.as_deref(), Some("locked down"));
    assert!(snapshot.pins.items.is_empty());
}

#[test]
fn a_subtree_has_its_own_answers() {
    let last = snapshots(&demo_with_pins()).pop().unwrap();
    let below = |cgroup: &str, top| {
        let part = Selection {
            cgroup: Some(cgroup.into()),
            top,
        };
        part.of(&last).pins.items.len()
    };
    assert_eq!(last.pins.items.len(), 2);
    assert_eq!(below("/system.slice", None), 1);
    assert_eq!(below("/init.scope", None), 0);
    let largest = Selection {
        cgroup: None,
        top: Some(1),
    }
    .of(&last);
    assert_eq!(largest.pins.items[0].zombie.serial_nr, 6);
}

fn find(snapshot: &Snapshot, written: &str) -> Result<u64, NotFound> {
    zombies::find(snapshot, &Wanted::parse(written.as_bytes())).map(|id| id.serial_nr)
}

#[test]
fn a_zombie_is_found_by_each_of_its_names() {
    let twice = vec![
        root(),
        memcg(2, ROOT, "a"),
        zombie(3, 2, "job", 1),
        zombie(4, ROOT, "job", 1),
        // Made after the dead one died, with the same path.
        zombie(5, 2, "web", 1),
        memcg(6, 2, "web"),
        zombie(9, 2, "again", 1),
        zombie(10, 2, "again", 1),
    ];
    let snapshot = &snapshots(&[walked(0, twice)])[0];
    let by = |written: &str| find(snapshot, written);
    assert_eq!(by("/a/job"), Ok(3));
    assert_eq!(by("/sys/fs/cgroup/a/job/"), Ok(3));
    assert_eq!(by("css:4"), Ok(4));
    assert_eq!(by("ino:1004"), Ok(4));
    assert_eq!(by("web"), Ok(5), "the live one is not meant");
    assert_eq!(by("/a/web"), Ok(5));
    let serials =
        |ids: Vec<Arc<MemcgId>>| -> Vec<u64> { ids.iter().map(|id| id.serial_nr).collect() };
    for (written, wanted) in [("job", [4, 3]), ("/a/again", [9, 10])] {
        match by(written) {
            Err(NotFound::Ambiguous(ids)) => {
                let mut found = serials(ids);
                found.sort_unstable();
                let mut wanted = wanted.to_vec();
                wanted.sort_unstable();
                assert_eq!(found, wanted);
            }
            other => unreachable!("{written} is {other:?}"),
        }
    }
    for written in ["/", "/a", "a", "css:2", "css:6"] {
        assert!(
            matches!(by(written), Err(NotFound::Alive(_))),
            "{written} is {:?}",
            by(written)
        );
    }
    for written in ["css:77", "ino:1", "css:x", "nothing-like-it", ""] {
        assert!(
            matches!(by(written), Err(NotFound::Unknown(near)) if near.is_empty()),
            "{written} is {:?}",
            by(written)
        );
    }
    let near = by("/a/agian");
    assert!(
        matches!(&near, Err(NotFound::Unknown(near)) if near[0] == "/a/again".into()),
        "{near:?}"
    );
}

#[test]
fn a_list_goes_by_what_was_asked_for() {
    let sized = |serial_nr, name: &str, refs, lru_pages| Memcg {
        refs,
        lru_pages,
        ..zombie(serial_nr, ROOT, name, 0)
    };
    let rows = vec![
        root(),
        sized(2, "c", Some(1), Some(30)),
        sized(3, "a", None, Some(10)),
        sized(4, "b", Some(9), None),
        memcg(5, ROOT, "alive"),
    ];
    let snapshot = &snapshots(&[walked(0, rows)])[0];
    let sorted = |order: Order| -> Vec<u64> {
        let mut list = zombies::list(snapshot);
        list.sort_by(|a, b| order.compare(a, b));
        list.iter().map(|zombie| zombie.id.serial_nr).collect()
    };
    assert_eq!(sorted(Order::Path), [3, 4, 2]);
    assert_eq!(sorted(Order::Refs), [4, 2, 3], "not known is last");
    assert_eq!(sorted(Order::Pages), [2, 3, 4]);
    assert_eq!(sorted(Order::Age), [3, 4, 2], "all alike: by path");
}

/// On a terminal everything fits, and only long lists are cut off.
#[test]
fn the_text_fits() {
    for snapshot in snapshots(&demo_with_pins()).iter().skip(4) {
        let items: Vec<&Pins> = snapshot.pins.items.iter().collect();
        for columns in [40, 80, 200] {
            let style = Style {
                columns: Some(columns),
                colour: false,
            };
            let open = ["2 zombies have no answer".to_owned()];
            let shown = text::render(snapshot, &items, &open, &host(), style);
            for line in shown.lines() {
                let width = unicode_width::UnicodeWidthStr::width(line);
                assert!(width <= columns, "{width} of {columns}: {line}");
            }
            assert!(shown.contains("umount /run/netns/sandbox"), "{shown}");
        }
    }
}

/// Ten thousand answers: quadratic code would take minutes.
#[test]
fn ten_thousand_answers_are_no_burden() {
    let mut rows = vec![root()];
    rows.extend((2..10_002).map(|at| zombie(at, ROOT, &*format!("z{at}"), 1)));
    let pins = |at| {
        let file = file(ObjectKind::File, "tmpfs", "/dev/shm/x", 1, vec![]);
        pinned(at, 0, vec![pin(PinKind::PageShmem, vec![file])])
    };
    let mut model = Model::new();
    model.step(&walked(0, rows));
    let snapshot = model.step(&answered(1, (2..10_002).map(pins).collect()));
    assert_eq!(snapshot.pins.items.len(), 10_000);
    assert_eq!(text::unanswered(&snapshot), 0);
}
