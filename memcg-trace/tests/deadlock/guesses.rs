//! Guesses prove nothing, and the verdict names the missing evidence.

use memcg_trace::deadlock::State;
use memcg_trace::sample::waits::Evidence;
use memcg_trace::sample::{Mode, ResourceKind};

use crate::fixture::waits::{abba, coredump, tries_again};
use crate::verdict;

#[test]
fn one_look_confirms_nothing() {
    let mut waits = coredump(None).seen();
    waits.looks.truncate(1);
    let found = verdict(&waits);
    assert_eq!(found.deadlocks[0].state, State::Suspected);
    assert_eq!(found.deadlocks[0].missing, ["there was no second look"]);
    assert_eq!(found.deadlocks[0].confirmed_ns, None);
}

#[test]
fn a_reader_that_is_a_guess_proves_nothing() {
    let mut host = coredump(None);
    host.look.resources[2].holders[0].evidence = Evidence::Hint;
    let found = verdict(&host.seen_twice(tries_again));
    assert_eq!(found.deadlocks.len(), 1);
    assert_eq!(found.deadlocks[0].state, State::Suspected);
    let missing = ["that handler[157] has to act on pipe:[1082] is a guess"];
    assert_eq!(found.deadlocks[0].missing, missing);
}

#[test]
fn a_wait_that_is_a_guess_proves_nothing() {
    let mut host = coredump(None);
    host.look.waits[3].evidence = Evidence::Hint;
    let found = verdict(&host.seen_twice(tries_again));
    assert_eq!(found.deadlocks[0].state, State::Suspected);
    let missing = ["that handler[157] waits for cgroup_mutex is a guess"];
    assert_eq!(found.deadlocks[0].missing, missing);
}

#[test]
fn what_cannot_be_seen_twice_is_not_proven() {
    let mut host = coredump(None);
    host.look.tasks[2].switches = None;
    let found = verdict(&host.seen_twice(tries_again));
    assert_eq!(found.deadlocks[0].state, State::Suspected);
    let missing = ["whether crasher[155] ran between the looks is not known"];
    assert_eq!(found.deadlocks[0].missing, missing);
}

#[test]
fn a_reader_that_was_not_found_may_drain_the_pipe() {
    let mut host = coredump(None);
    host.look.resources[2].incomplete = Some("1 of 2 readers was not found".to_owned());
    let found = verdict(&host.seen_twice(tries_again));
    assert_eq!(found.deadlocks.len(), 1);
    assert_eq!(found.deadlocks[0].state, State::Suspected);
    assert_eq!(
        found.deadlocks[0].missing,
        ["pipe:[1082]: 1 of 2 readers was not found"]
    );
    // A reader that only the second scan has.
    let found = verdict(&coredump(None).seen_twice(|look| {
        tries_again(look);
        let mut reader = look.resources[2].holders[0];
        reader.task = 4;
        look.resources[2].holders.push(reader);
    }));
    assert!(found.deadlocks.is_empty());
}

#[test]
fn a_reader_of_an_rwsem_is_only_suspected() {
    let found = verdict(&abba(ResourceKind::Rwsem, Mode::Read, Evidence::Hint).seen());
    assert_eq!(found.deadlocks[0].state, State::Suspected);
    assert_eq!(
        found.deadlocks[0].missing,
        [
            "that b[12] holds super_block.s_umount is a guess",
            "super_block.s_umount: 2 other readers are not known",
            "that a[11] holds inode.i_rwsem is a guess",
            "inode.i_rwsem: 2 other readers are not known",
        ]
    );
    assert!(found.deadlocks[0].sentence.contains("perhaps for ever"));
    // Readers that were traced are proven holders.
    let found = verdict(&abba(ResourceKind::Rwsem, Mode::Read, Evidence::Traced).seen());
    assert_eq!(found.deadlocks[0].state, State::Confirmed);
}

#[test]
fn losses_make_a_verdict_lossy() {
    let mut waits = coredump(None).seen_twice(tries_again);
    assert!(!verdict(&waits).deadlocks[0].is_lossy);
    waits.lost_total = Some(3);
    assert!(verdict(&waits).deadlocks[0].is_lossy);
    waits.lost_total = Some(0);
    waits.looks[1].truncated_at = Some(10);
    assert!(verdict(&waits).deadlocks[0].is_lossy);
}
