//! Verdicts on hosts made of code.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod convoys;
#[path = "../fixture/mod.rs"]
mod fixture;
mod guesses;
mod ready;
mod undecided;

use fixture::waits::{Host, abba, coredump, tries_again};
use fixture::{SECOND, START_NS};
use memcg_trace::deadlock::{Cause, Convoy, Deadlock, Rules, State, Verdict, judge};
use memcg_trace::sample::waits::{EndsOn, Evidence, Retry, TaskScan, Waits};
use memcg_trace::sample::{Mode, ResourceKind};

fn verdict(waits: &Waits) -> Verdict {
    judge(waits, &Rules::default())
}

fn confirmed(verdict: &Verdict) -> Vec<&Deadlock> {
    let all = verdict.deadlocks.iter();
    all.filter(|one| one.state == State::Confirmed).collect()
}

fn tids(tasks: &[memcg_trace::sample::waits::Task]) -> Vec<u32> {
    tasks.iter().map(|task| task.tid).collect()
}

fn only(verdict: &Verdict) -> &Convoy {
    assert_eq!(verdict.convoys.len(), 1, "{:?}", verdict.convoys);
    &verdict.convoys[0]
}

#[test]
fn the_coredump_deadlock_is_confirmed() {
    let found = verdict(&coredump(None).seen_twice(tries_again));
    assert_eq!(found.deadlocks.len(), 1, "{:?}", found.deadlocks);
    let deadlock = &found.deadlocks[0];
    assert_eq!(deadlock.state, State::Confirmed);
    assert_eq!(tids(&deadlock.members), [155, 157, 168, 161]);
    assert_eq!(tids(&deadlock.victims), [190]);
    assert_eq!(
        deadlock.sentence,
        "4 tasks wait for each other for ever: \
         crasher[155] waits for room in pipe:[1082], which handler[157] should read and nobody \
         else can; \
         handler[157] waits for cgroup_mutex, held by T2-lrugen[168]; \
         T2-lrugen[168] waits to read mem_hotplug_lock, held by sh[161]; \
         sh[161] tries without end to move pfn 0x10079f, which crasher[155] has a reference to."
    );
    assert_eq!(deadlock.cycle_edges, 4);
    assert!(deadlock.missing.is_empty());
    let signals: Vec<(u32, &str)> = deadlock
        .breakable_by
        .iter()
        .map(|one| (one.pid, one.signal.into()))
        .collect();
    assert_eq!(signals, [(161, "SIGTERM"), (155, "SIGKILL")]);
    assert!(deadlock.is_preexisting);
    assert_eq!(deadlock.close_ns, None);
    assert_eq!(deadlock.close_after_ns, Some(START_NS - 20 * SECOND));
    assert_eq!(deadlock.edges[0].stack[0], "pipe_write+0x2c8");
    let convoy = only(&found);
    assert_eq!((convoy.cause, convoy.waiters), (Cause::Deadlock, 4));
}

#[test]
fn traced_waits_say_when_it_closed() {
    let mut host = coredump(None);
    for (wait, second) in host.look.waits.iter_mut().zip([9, 7, 3, 5, 1]) {
        wait.since_ns = Some(START_NS - second * SECOND);
        wait.evidence = Evidence::Traced;
    }
    let found = verdict(&host.seen_twice(tries_again));
    let deadlock = confirmed(&found)[0];
    assert_eq!(deadlock.close_ns, Some(START_NS - 3 * SECOND));
    assert!(!deadlock.is_preexisting);
    assert_eq!(deadlock.edges[0].since_ns, Some(START_NS - 3 * SECOND));
}

/// Waits in pipes are not traced: the scheduler's times bound their start.
#[test]
fn a_wait_that_nobody_saw_has_bounds() {
    let judged = |slept_second: u64, traced_second: u64| {
        let mut host = coredump(None);
        for (wait, second) in host.look.waits.iter_mut().zip([9, 7, 0, 5, 1]) {
            wait.since_ns = (second != 0).then(|| START_NS - second * SECOND);
        }
        let dumper = host.look.waits[2].task as usize;
        host.look.tasks[dumper].slept_ns = Some(START_NS - slept_second * SECOND);
        let mut waits = host.seen_twice(tries_again);
        waits.traced_since_ns = Some(START_NS - traced_second * SECOND);
        let deadlock = verdict(&waits).deadlocks.remove(0);
        let ago = |ns: u64| (START_NS - ns) / SECOND;
        assert_eq!(deadlock.close_after_ns.map(ago), Some(5));
        (
            deadlock.close_ns.map(ago),
            ago(deadlock.close_before_ns),
            deadlock.is_preexisting,
        )
    };
    assert_eq!(judged(6, 10), (Some(5), 5, false));
    // The wait in the pipe may have begun last, so the closing time is unknown.
    assert_eq!(judged(4, 10), (None, 4, false));
    // The deadlock may have closed before the tool started.
    assert_eq!(judged(3, 4), (None, 3, true));
}

#[test]
fn it_is_the_same_cycle_whatever_waits_for_it() {
    let first = verdict(&coredump(None).seen_twice(tries_again));
    let mut host = coredump(None);
    let late = host.task(200, "late", 'D');
    let mutex = u32::try_from(host.look.resources.len() - 1).unwrap();
    host.wait(late, mutex);
    host.look.waits.reverse();
    let second = verdict(&host.seen_twice(tries_again));
    assert_eq!(tids(&second.deadlocks[0].victims), [190, 200]);
    assert_eq!(first.deadlocks[0].cycle_id, second.deadlocks[0].cycle_id);
    let other = verdict(&abba(ResourceKind::Mutex, Mode::Write, Evidence::OwnerWord).seen());
    assert_ne!(first.deadlocks[0].cycle_id, other.deadlocks[0].cycle_id);
}

#[test]
fn without_any_one_edge_it_is_none() {
    for missing in 1..=4 {
        let found = verdict(&coredump(Some(missing)).seen_twice(tries_again));
        assert!(
            found.deadlocks.is_empty(),
            "without {missing}: {:?}",
            found.deadlocks
        );
        assert!(!found.convoys.is_empty());
    }
}

#[test]
fn what_changes_between_the_looks_is_none() {
    type Change = fn(&mut TaskScan);
    let changes: [(&str, Change); 8] = [
        ("a waiter ran", |look| look.tasks[1].switches = Some(1)),
        ("a waiter is another", |look| {
            look.tasks[3].start_ns = Some(9)
        }),
        ("a wait has ended", |look| {
            look.waits.remove(2);
        }),
        ("a waiter was woken", |look| {
            look.tasks[3].state = Some('R');
        }),
        ("the loop was left and entered", |look| {
            look.waits[0].retry = Some(Retry {
                span: 78,
                tries_total: None,
            });
        }),
        ("it tries another page", |look| {
            look.resources[0].pfn = Some(0x100800)
        }),
        ("the mutex is handed over", |look| {
            let word = look.resources[3].owner_word;
            look.resources[3].owner_word = word.map(|word| word | 4);
        }),
        ("the holder is another", |look| {
            look.resources[3].holders[0].task = 4;
            look.resources[3].owner_word = Some(look.tasks[4].addr);
        }),
    ];
    for (what, change) in changes {
        let found = verdict(&coredump(None).seen_twice(|look| {
            tries_again(look);
            change(look);
        }));
        assert!(found.deadlocks.is_empty(), "{what}: {:?}", found.deadlocks);
    }
}

#[test]
fn a_second_reader_that_lives_may_drain_the_pipe() {
    let with_reader = |state| {
        let mut host = coredump(None);
        let reader = host.task(158, "handler", state);
        host.held(2, reader, Evidence::OwnerWord).mode = Mode::Read;
        (host, reader)
    };
    let (host, _) = with_reader('S');
    assert!(verdict(&host.seen_twice(tries_again)).deadlocks.is_empty());
    // The reader waits for the same mutex: now nobody can read.
    let (mut host, reader) = with_reader('D');
    host.wait(reader, 3);
    let found = verdict(&host.seen_twice(tries_again));
    assert_eq!(
        tids(&confirmed(&found)[0].members),
        [155, 157, 168, 161, 158]
    );
}

#[test]
fn a_wait_with_a_timeout_is_no_deadlock() {
    let mut host = coredump(None);
    host.look.waits[3].times_out = true;
    assert!(verdict(&host.seen_twice(tries_again)).deadlocks.is_empty());
}

#[test]
fn two_locks_in_two_orders_are_confirmed() {
    for kind in [ResourceKind::Mutex, ResourceKind::Rwsem] {
        let found = verdict(&abba(kind, Mode::Write, Evidence::OwnerWord).seen());
        assert_eq!(tids(&confirmed(&found)[0].members), [11, 12]);
        assert!(confirmed(&found)[0].breakable_by.is_empty());
    }
}

#[test]
fn a_chain_that_ends_in_a_living_task_is_none() {
    let mut host = Host::default();
    let mut holder = host.task(1, "alive", 'S');
    for tid in 2..40 {
        let waiter = host.task(tid, "waiter", 'D');
        let lock = host.lock(ResourceKind::Mutex, "a", holder);
        host.wait(waiter, lock);
        holder = waiter;
    }
    let found = verdict(&host.seen());
    assert!(found.deadlocks.is_empty());
    let convoy = only(&found);
    assert_eq!(convoy.root.as_ref().unwrap().tid, 1);
    assert_eq!((convoy.cause, convoy.waiters), (Cause::Unknown, 38));
}

#[test]
fn the_reap_deadlock_is_confirmed() {
    let mut host = Host::default();
    let reaper = host.task(1, "systemd", 'D');
    let init = host.task(40, "sh", 'S');
    let dead = host.task(41, "sleep", 'Z');
    let drain = host.resource(ResourceKind::CgroupDrain, None);
    host.look.resources[drain as usize].of = Some("/x".into());
    host.held(drain, init, Evidence::OwnerWord);
    let namespace = host.resource(ResourceKind::PidNsDrain, None);
    host.held(namespace, dead, Evidence::OwnerWord);
    let reaping = host.resource(ResourceKind::Reap, None);
    host.held(reaping, reaper, Evidence::OwnerWord);
    host.wait(reaper, drain);
    host.wait(init, namespace);
    host.wait(dead, reaping);
    let found = verdict(&host.seen());
    assert_eq!(tids(&confirmed(&found)[0].members), [1, 40, 41]);
    assert_eq!(
        confirmed(&found)[0].sentence,
        "3 tasks wait for each other for ever: \
         systemd[1] waits for the dying tasks of /x, sh[40] among them; \
         sh[40] waits for the other tasks of its pid namespace, sleep[41] among them; \
         sleep[41] is dead and waits to be reaped by systemd[1]."
    );
}

#[test]
fn young_waits_are_not_judged() {
    let mut host = abba(ResourceKind::Mutex, Mode::Write, Evidence::OwnerWord);
    for task in &mut host.look.tasks {
        task.ran_ns = Some(START_NS - SECOND / 10);
    }
    let waits = host.seen_twice(|look| look.end_ns = START_NS + SECOND / 5);
    assert_eq!(verdict(&waits), Verdict::default());
    let rules = Rules {
        min_wait_ns: SECOND / 10,
    };
    assert_eq!(judge(&waits, &rules).deadlocks.len(), 1);
}

#[test]
fn a_parent_and_a_child_that_wait_for_each_other_are_left_alone() {
    let mut host = Host::default();
    let (parent, child) = (host.task(1, "sh", 'S'), host.task(2, "cat", 'S'));
    let exit = host.resource(ResourceKind::ChildExit, None);
    host.held(exit, child, Evidence::OwnerWord);
    let pipe = host.resource(ResourceKind::Pipe, None);
    host.held(pipe, parent, Evidence::OwnerWord);
    host.wait(parent, exit).ends_on = EndsOn::AnySignal;
    host.wait(child, pipe).ends_on = EndsOn::AnySignal;
    let found = verdict(&host.seen());
    assert!(found.deadlocks.is_empty() && found.convoys.is_empty());
    assert_eq!(found.user_space_rings, 1);
}

#[test]
fn places_that_are_not_there_do_no_harm() {
    let mut host = coredump(None);
    host.look.waits[0].resource = 999;
    host.look.waits[1].task = 999;
    host.look.resources[2].holders[0].task = 999;
    let found = verdict(&host.seen());
    assert!(found.deadlocks.is_empty());
    assert_eq!(verdict(&Waits::default()), Verdict::default());
}
