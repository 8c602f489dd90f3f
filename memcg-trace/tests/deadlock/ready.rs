//! Holders that are ready to run: three different cases are one that runs, one that was preempted,
//! and one whose cgroup has used up its time.

use memcg_trace::deadlock::Cause;
use memcg_trace::sample::waits::{Run, Task, TaskScan};

use crate::fixture::waits::{Host, crowd};
use crate::{only, verdict};

const CPU: u32 = 1;

fn run() -> Run {
    Run {
        cpu: CPU,
        ..Run::default()
    }
}

/// Many tasks wait for a holder that is ready to run and has no CPU; `by` has that CPU.
fn preempted(by: &str, real_time: Option<u32>) -> (Host, u32, u32) {
    let (mut host, holder) = crowd('R');
    let other = host.task(99, by, 'R');
    host.look.tasks[other as usize] = Task {
        real_time,
        run: Some(Run {
            on_cpu: true,
            ..run()
        }),
        ..host.look.tasks[other as usize].clone()
    };
    host.look.tasks[holder as usize].run = Some(Run {
        behind: Some(other),
        ..run()
    });
    (host, holder, other)
}

fn assert_why(host: Host, change: impl FnOnce(&mut TaskScan), cause: Cause, why: &str) {
    let found = verdict(&host.seen_twice(change));
    assert!(found.deadlocks.is_empty(), "{why}");
    assert_eq!(found.undecided_waits, 0, "{why}: it can act");
    let convoy = only(&found);
    assert_eq!((convoy.cause, &*convoy.why), (cause, why));
    assert_eq!(convoy.root.as_ref().unwrap().tid, 7);
}

#[test]
fn a_real_time_task_keeps_the_holder_from_its_cpu() {
    let why = "its holder is ready to run, but CPU 1 has rt-hog[99], a real-time task of priority \
               90, which did not leave it between the looks";
    let (host, _, _) = preempted("rt-hog", Some(90));
    assert_why(host, |_| {}, Cause::StuckHolder, why);
    // A task that lets others run now and then only delays the holder.
    let why = "its holder is ready to run, but CPU 1 has rt-hog[99], a real-time task of priority \
               90";
    let (host, _, hog) = preempted("rt-hog", Some(90));
    let moves = |look: &mut TaskScan| look.tasks[hog as usize].switches = Some(1);
    assert_why(host, moves, Cause::Slow, why);
}

#[test]
fn a_holder_that_waits_for_its_turn_is_slow() {
    let why = "its holder is ready to run, but CPU 1 has make[99]";
    let (host, _, _) = preempted("make", None);
    assert_why(host, |_| {}, Cause::Slow, why);
    let (host, holder, _) = preempted("make", None);
    let ran = |look: &mut TaskScan| look.tasks[holder as usize].switches = Some(1);
    assert_why(host, ran, Cause::Slow, "its holder ran between the looks");
    let (mut host, holder) = crowd('R');
    host.look.tasks[holder as usize].run = Some(run());
    let why = "its holder is ready to run, and gets CPU 1 next";
    assert_why(host, |_| {}, Cause::Slow, why);
}

#[test]
fn a_holder_whose_cgroup_has_used_up_its_time_is_throttled() {
    let (mut host, holder) = crowd('R');
    host.look.tasks[holder as usize].run = Some(Run {
        throttled_by: Some("/user.slice/job".into()),
        ..run()
    });
    let why = "its holder is throttled: /user.slice/job has used up its cpu.max";
    assert_why(host, |_| {}, Cause::Slow, why);
}

#[test]
fn a_holder_that_has_the_cpu_spins_or_runs() {
    let on_cpu = || {
        let (mut host, holder) = crowd('R');
        host.look.tasks[holder as usize].run = Some(Run {
            on_cpu: true,
            ..run()
        });
        (host, holder)
    };
    let why = "its holder spins: it did not leave CPU 1 between the looks";
    assert_why(on_cpu().0, |_| {}, Cause::StuckHolder, why);
    let (host, holder) = on_cpu();
    let ran = |look: &mut TaskScan| look.tasks[holder as usize].switches = Some(1);
    assert_why(host, ran, Cause::Slow, "its holder runs");
}
