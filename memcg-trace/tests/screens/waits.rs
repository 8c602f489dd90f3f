//! Drawings of who waits for whom.

use memcg_trace::output::{boxes, fit};
use memcg_trace::sample::ResourceKind;
use memcg_trace::sample::ask::Ask;
use memcg_trace::tui::App;

use crate::fixture::waits::{Host, answered, crowd, demo_with_deadlock};
use crate::fixture::{host, snapshots};
use crate::{SIZES, app, check, drawn, go, press};

/// The screen with all waits of the last answer.
fn all_waits(waits: Host) -> App {
    let samples = [answered(4, waits.seen())];
    let mut app = app(host(), &samples);
    go(&mut app, "locks");
    press(&mut app, "\n");
    app.answer(&Ask::Locks, snapshots(&samples).pop().unwrap());
    app
}

/// A holder; two who wait for it at two locks, one of whom holds a third; and a crowd at that.
fn branches() -> Host {
    let mut host = Host::default();
    let holder = host.task(7, "holder", 'R');
    let middle = host.task(8, "middle", 'D');
    let other = host.task(9, "other", 'D');
    let sem = host.lock(ResourceKind::Rwsem, "inode.i_rwsem", holder);
    let mutex = host.lock(ResourceKind::Mutex, "cgroup_mutex", holder);
    let third = host.lock(ResourceKind::Mutex, "slab_mutex", middle);
    host.wait(middle, sem);
    host.wait(other, mutex);
    for tid in 100..104 {
        let waiter = host.task(tid, "waiter", 'D');
        host.wait(waiter, third);
    }
    host
}

#[test]
fn all_waits_are_boxes_with_arrows_at_each_size() {
    for (columns, rows) in SIZES {
        check("waits", &mut all_waits(branches()), columns, rows.max(24));
    }
}

/// Fifty tasks that wait for one lock are one box.
#[test]
fn a_crowd_is_one_box() {
    let lines = drawn(&mut all_waits(crowd('R').0), 80, 40);
    let boxes = lines.iter().filter(|line| line.starts_with('┌')).count();
    assert_eq!(boxes, 2, "{lines:#?}");
    let crowd = lines.iter().find(|line| line.contains("50 tasks: waiter"));
    assert!(crowd.is_some_and(|line| line.contains("each waits for")));
}

/// A chain that is longer than the drawing ends with the number of those left out.
#[test]
fn what_is_not_drawn_is_counted() {
    let mut chain = Host::default();
    let mut before = chain.task(1, "task", 'R');
    for tid in 2..=60 {
        let task = chain.task(tid, "task", 'D');
        let lock = chain.lock(ResourceKind::Mutex, "lock", before);
        chain.wait(task, lock);
        before = task;
    }
    let lines = drawn(&mut all_waits(chain), 80, 250);
    let boxes = lines.iter().filter(|line| line.starts_with('┌')).count();
    assert_eq!(boxes, 40, "{lines:#?}");
    let left_out = "… and 20 tasks more that wait, not drawn";
    assert!(lines.iter().any(|line| line == left_out), "{lines:#?}");
}

/// Who waits for a member of a deadlock is drawn, and the deadlock only once, as its ring.
#[test]
fn a_victim_is_drawn_below_the_ring() {
    let samples = demo_with_deadlock();
    let mut app = app(host(), &samples);
    go(&mut app, "locks");
    press(&mut app, "\n");
    let lines = drawn(&mut app, 80, 80);
    let named = |name: &str| {
        let of = |line: &&String| line.contains(&format!("│ {name} │"));
        lines.iter().filter(of).count()
    };
    assert_eq!(
        [named("crasher[155]"), named("mkdir[190]")],
        [1, 1],
        "{lines:#?}"
    );
    let above = lines
        .iter()
        .find(|line| line.contains("in the deadlock above"));
    assert!(above.is_some_and(|line| line.contains("T2-lrugen[168]")));
}

/// Each line fits, however narrow the screen.
#[test]
fn a_drawing_fits() {
    let all = snapshots(&[answered(4, branches().seen())]);
    for columns in [20, 34, 60, 80] {
        let rows = boxes::lines(all.last().unwrap(), columns);
        assert!(!rows.is_empty());
        for row in rows {
            assert!(fit::width(&row) <= columns, "{columns}: {row}");
        }
    }
}
