//! Convoys: waits outside deadlocks, and the root of each.

use memcg_trace::deadlock::Cause;
use memcg_trace::sample::ResourceKind;
use memcg_trace::sample::waits::Evidence;

use crate::fixture::SECOND;
use crate::fixture::waits::{Host, crowd};
use crate::{only, verdict};

#[test]
fn fifty_wait_for_a_holder_that_runs() {
    let (host, holder) = crowd('R');
    let found = verdict(&host.seen_twice(|look| look.tasks[holder as usize].switches = Some(1)));
    assert!(found.deadlocks.is_empty());
    let convoy = only(&found);
    assert_eq!((convoy.cause, convoy.waiters), (Cause::Slow, 50));
    assert_eq!(convoy.why, "its holder runs");
    assert_eq!(convoy.max_wait_ns, Some(20 * SECOND + SECOND + SECOND / 50));
}

#[test]
fn a_convoy_says_what_its_root_waits_for() {
    type Change = fn(&mut Host, u32);
    let cases: [(char, Change, Cause, &str); 9] = [
        (
            'R',
            |_, _| {},
            Cause::StuckHolder,
            "its holder spins: it did not leave its CPU between the looks",
        ),
        ('T', |_, _| {}, Cause::StuckHolder, "its holder is stopped"),
        ('Z', |_, _| {}, Cause::Orphaned, "its holder has exited"),
        (
            'D',
            |host, holder| host.stack(holder, "blk_mq_get_tag+0x11 submit_bio+0x4"),
            Cause::StuckHolder,
            "its holder sleeps in blk_mq_get_tag()",
        ),
        ('S', |_, _| {}, Cause::Unknown, "its holder sleeps"),
        (
            'D',
            |host, holder| {
                let device = host.resource(ResourceKind::Io, Some("dm-0"));
                host.wait(holder, device).function = Some("io_schedule".to_owned());
            },
            Cause::StuckHolder,
            "its holder waits for dm-0 in io_schedule()",
        ),
        (
            'D',
            |host, holder| {
                // The device is unknown: its waiter identifies it.
                let device = host.resource(ResourceKind::Io, None);
                host.look.resources[device as usize].addr = 0;
                host.wait(holder, device).function = Some("io_schedule".to_owned());
            },
            Cause::StuckHolder,
            "its holder waits for a device in io_schedule()",
        ),
        (
            'D',
            |host, holder| {
                let freezer = host.resource(ResourceKind::Freezer, None);
                host.wait(holder, freezer);
            },
            Cause::StuckHolder,
            "its holder is frozen",
        ),
        (
            'S',
            |host, holder| {
                let high = host.resource(ResourceKind::Throttle, Some("memory.high"));
                host.wait(holder, high).times_out = true;
            },
            Cause::Slow,
            "its holder is throttled by memory.high",
        ),
    ];
    for (state, change, cause, why) in cases {
        let (mut host, holder) = crowd(state);
        change(&mut host, holder);
        let found = verdict(&host.seen());
        assert!(found.deadlocks.is_empty(), "{why}");
        let convoy = only(&found);
        assert_eq!(
            (convoy.cause, &*convoy.why, convoy.waiters),
            (cause, why, 50)
        );
        assert_eq!(convoy.root.as_ref().unwrap().tid, 7);
    }
}

/// The writer of a pipe has a lock that one of its readers wants: the other reader is the root.
#[test]
fn where_any_may_act_the_root_is_one_that_can() {
    let mut host = Host::default();
    let writer = host.task(1, "writer", 'S');
    let stuck = host.task(2, "reader", 'D');
    let idle = host.task(3, "reader", 'S');
    let lock = host.lock(ResourceKind::Mutex, "a", writer);
    let pipe = host.resource(ResourceKind::Pipe, None);
    host.held(pipe, stuck, Evidence::OwnerWord);
    host.held(pipe, idle, Evidence::OwnerWord);
    host.wait(writer, pipe);
    host.wait(stuck, lock);
    let found = verdict(&host.seen());
    assert!(found.deadlocks.is_empty());
    let convoy = only(&found);
    assert_eq!(convoy.root.as_ref().unwrap().tid, 3);
    assert_eq!(convoy.resource.kind, ResourceKind::Pipe);
}

/// The root is no task: no task is to blame, and somebody has to act.
#[test]
fn a_frozen_file_system_is_no_orphan() {
    let (mut host, _) = crowd('S');
    host.look.resources[0].holders.clear();
    host.look.resources[0].owner_word = None;
    host.look.resources[0].kept_by = Some("ext4 on dm-0 is frozen by fsfreeze[7]".to_owned());
    let found = verdict(&host.seen());
    let convoy = only(&found);
    assert_eq!((convoy.cause, &convoy.root), (Cause::StuckHolder, &None));
    assert_eq!(convoy.why, "ext4 on dm-0 is frozen by fsfreeze[7]");
    assert_eq!(convoy.waiters, 50);
}

#[test]
fn a_lock_without_an_owner_is_orphaned() {
    let (mut host, _) = crowd('S');
    host.look.resources[0].holders.clear();
    host.look.resources[0].owner_word = Some(1);
    let found = verdict(&host.seen());
    let convoy = only(&found);
    assert_eq!((convoy.cause, &convoy.root), (Cause::Orphaned, &None));
    assert_eq!(
        convoy.why,
        "its owner word is 0x1: others wait, and it has no owner"
    );
}
