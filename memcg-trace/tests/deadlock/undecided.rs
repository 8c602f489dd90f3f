//! Waits that no deadlock explains, and whether any known task can end them.

use memcg_trace::deadlock::{OpenEnd, Verdict};
use memcg_trace::sample::ResourceKind;
use memcg_trace::sample::waits::Evidence;

use crate::fixture::SECOND;
use crate::fixture::START_NS;
use crate::fixture::waits::{Host, abba, coredump, crowd, tries_again};
use crate::verdict;

/// Two tasks wait for a lock, whose holder waits for something of this kind, which no known task
/// ends.
fn behind(kind: ResourceKind) -> Host {
    let mut host = Host::default();
    let holder = host.task(1, "holder", 'D');
    let lock = host.lock(ResourceKind::Mutex, "cgroup_mutex", holder);
    for tid in [2, 3] {
        let waiter = host.task(tid, "waiter", 'D');
        host.wait(waiter, lock);
    }
    let last = host.resource(kind, None);
    host.look.resources[last as usize].incomplete = Some("who ends it is not known".to_owned());
    host.wait(holder, last).function = Some("some_wait".to_owned());
    host
}

fn last(host: &mut Host) -> &mut memcg_trace::sample::waits::Resource {
    host.look.resources.last_mut().unwrap()
}

fn end(verdict: &Verdict) -> &OpenEnd {
    assert!(verdict.deadlocks.is_empty());
    assert_eq!(verdict.open_ends.len(), 1, "{:?}", verdict.open_ends);
    &verdict.open_ends[0]
}

fn assert_decided(host: Host, why: &str) {
    let found = verdict(&host.seen());
    assert_eq!(found.undecided_waits, 0, "{why}: {:?}", found.open_ends);
    assert!(found.open_ends.is_empty(), "{why}");
}

#[test]
fn who_nobody_knows_may_be_anybody() {
    for kind in [
        ResourceKind::Completion,
        ResourceKind::WaitQueue,
        ResourceKind::Work,
        ResourceKind::Rcu,
        ResourceKind::Kernfs,
        ResourceKind::PercpuRef,
        ResourceKind::Fuse,
        ResourceKind::Semaphore,
        ResourceKind::Rwsem,
        ResourceKind::PageRef,
        ResourceKind::Unknown,
    ] {
        let found = verdict(&behind(kind).seen());
        assert_eq!(found.undecided_waits, 3, "{kind:?}");
        let end = end(&found);
        assert_eq!((end.resource.kind, end.waits), (kind, 3));
        assert_eq!(end.function.as_deref(), Some("some_wait"));
        assert_eq!(end.waiter.as_ref().unwrap().tid, 1);
        assert_eq!(end.why, "who ends it is not known");
        assert!(end.max_wait_ns > Some(20 * SECOND));
    }
}

#[test]
fn a_device_a_clock_and_who_froze_it_are_known() {
    for kind in [
        ResourceKind::Io,
        ResourceKind::Throttle,
        ResourceKind::Freezer,
    ] {
        assert_decided(behind(kind), &format!("{kind:?}"));
    }
    let mut timed = behind(ResourceKind::Completion);
    timed.look.waits.last_mut().unwrap().times_out = true;
    assert_decided(timed, "a timeout");
    let mut frozen = behind(ResourceKind::PercpuRwsem);
    last(&mut frozen).kept_by = Some("ext4 on ram3 is frozen by fsfreeze[7]".to_owned());
    last(&mut frozen).incomplete = None;
    assert_decided(frozen, "a frozen file system");
}

#[test]
fn a_holder_that_can_act_decides() {
    let helped = |evidence, state, incomplete: Option<&str>| {
        let mut host = behind(ResourceKind::Work);
        let worker = host.task(9, "kworker", state);
        let work = u32::try_from(host.look.resources.len() - 1).unwrap();
        host.held(work, worker, evidence);
        last(&mut host).incomplete = incomplete.map(str::to_owned);
        verdict(&host.seen()).undecided_waits
    };
    assert_eq!(helped(Evidence::OwnerWord, 'R', None), 0);
    assert_eq!(helped(Evidence::OwnerWord, 'S', None), 0);
    assert_eq!(helped(Evidence::Hint, 'R', None), 3, "it may be another");
    // One of several suffices, and one is known.
    assert_eq!(helped(Evidence::OwnerWord, 'R', Some("more")), 0);
}

/// If many tasks read-lock it, all must release it.
#[test]
fn readers_that_are_not_known_decide_nothing() {
    let mut host = behind(ResourceKind::Rwsem);
    let reader = host.task(9, "reader", 'R');
    let lock = u32::try_from(host.look.resources.len() - 1).unwrap();
    host.held(lock, reader, Evidence::Hint);
    last(&mut host).incomplete = Some("2 other readers are not known".to_owned());
    let found = verdict(&host.seen());
    assert_eq!(found.undecided_waits, 3);
    assert_eq!(end(&found).why, "2 other readers are not known");
}

#[test]
fn a_lock_without_an_owner_ends_with_nobody() {
    let (mut host, _) = crowd('S');
    host.look.resources[0].holders.clear();
    host.look.resources[0].owner_word = Some(1);
    let found = verdict(&host.seen());
    assert_eq!(found.undecided_waits, 50);
    assert!(end(&found).why.contains("it has no owner"));
    // One of the waiters was woken, and takes the lock.
    let (mut host, _) = crowd('S');
    host.look.resources[0].holders.clear();
    host.look.resources[0].owner_word = Some(1);
    host.look.tasks[7].state = Some('R');
    assert_decided(host, "handed over");
}

#[test]
fn a_holder_that_has_exited_releases_nothing() {
    assert_eq!(verdict(&crowd('Z').0.seen()).undecided_waits, 50);
    assert_eq!(verdict(&crowd('D').0.seen()).undecided_waits, 0);
}

/// A wait that has just begun has had no time to end: a busy host has many of them.
#[test]
fn young_ends_are_none() {
    let mut host = behind(ResourceKind::Completion);
    host.look.tasks[0].ran_ns = Some(START_NS + SECOND - 1);
    assert_decided(host, "it waits since the looks began");
}

#[test]
fn what_moved_between_the_looks_makes_progress() {
    let moved = behind(ResourceKind::Completion);
    let found = verdict(&moved.seen_twice(|look| look.tasks[0].switches = Some(1)));
    assert_eq!(found.undecided_waits, 0);
    let other_owner = behind(ResourceKind::Completion);
    let found = verdict(&other_owner.seen_twice(|look| {
        look.resources[0].owner_word = Some(look.tasks[1].addr);
    }));
    // The others continued, and the first owner still waits.
    assert_eq!(found.undecided_waits, 1);
}

#[test]
fn what_is_behind_a_deadlock_is_decided() {
    let found = verdict(&coredump(None).seen_twice(tries_again));
    assert_eq!(found.undecided_waits, 0);
    let found = verdict(&abba(ResourceKind::Mutex, crate::Mode::Write, Evidence::OwnerWord).seen());
    assert_eq!(found.undecided_waits, 0);
}

/// Without any one fact of a deadlock, the verdict is never that there is none.
#[test]
fn a_deadlock_of_which_a_holder_is_hidden_is_undecided() {
    for hidden in 0..4 {
        let mut host = coredump(None);
        let resource = &mut host.look.resources[hidden];
        resource.holders.clear();
        resource.owner_word = None;
        resource.incomplete = Some("hidden".to_owned());
        let found = verdict(&host.seen_twice(tries_again));
        assert!(found.deadlocks.is_empty(), "{hidden}");
        assert!(found.undecided_waits > 0, "{hidden}");
        assert_eq!(found.open_ends[0].why, "hidden");
    }
}

/// A program that waits for its child, or for bytes, may do so for ever.
#[test]
fn programs_wait_as_they_like() {
    for kind in [
        ResourceKind::ChildExit,
        ResourceKind::Pipe,
        ResourceKind::Futex,
        ResourceKind::Reap,
    ] {
        let mut host = Host::default();
        let program = host.task(1, "program", 'S');
        let wish = host.resource(kind, None);
        host.look.resources[wish as usize].incomplete = Some("not known".to_owned());
        host.wait(program, wish);
        assert_decided(host, &format!("{kind:?}"));
    }
}
