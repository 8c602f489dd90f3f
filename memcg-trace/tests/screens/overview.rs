//! The overview: problems, and checks that were not possible.

use memcg_trace::sample::reclaim::{Cause, Stall};
use memcg_trace::sample::waits::NotChecked;
use memcg_trace::sample::{Absent, Loss, Sample, Task};
use memcg_trace::tui::App;

use crate::fixture::waits::{Host, answered, demo_with_deadlock};
use crate::fixture::{demo, host};
use crate::tabs::demo_with_findings;
use crate::{SIZES, app, check, drawn, go, press, regions, shown};

fn overview(samples: &[Sample]) -> App {
    let mut app = app(host(), samples);
    go(&mut app, "overview");
    app
}

/// The line of a subject, which begins with the state.
fn line(app: &mut App, subject: &str) -> String {
    let lines = drawn(app, 160, 40);
    let is_of = |line: &&String| line.get(6..).is_some_and(|rest| rest.starts_with(subject));
    let line = lines.iter().find(is_of);
    assert!(line.is_some(), "no {subject}: {lines:#?}");
    line.unwrap().clone()
}

#[test]
fn findings_and_deadlocks_at_each_size() {
    for (columns, rows) in SIZES {
        let mut app = overview(&demo_with_findings());
        check("overview-findings", &mut app, columns, rows);
        let mut app = overview(&demo_with_deadlock());
        check("overview-deadlock", &mut app, columns, rows);
    }
}

/// A check that was not made is not shown as "ok".
#[test]
fn what_is_absent_is_not_well() {
    let mut seen = overview(&demo());
    for subject in ["reclaim", "waits", "shrinkers", "losses"] {
        let line = line(&mut seen, subject);
        assert!(!line.contains("not known"), "{line}");
    }
    assert!(line(&mut seen, "losses").starts_with("ok"));
    let zombies = line(&mut seen, "zombies");
    assert!(
        zombies.contains("4; what they keep is not known"),
        "{zombies}"
    );
    assert!(zombies.starts_with("look"), "{zombies}");
    for (subject, why) in [("deadlocks", "not asked"), ("slab", "not read yet")] {
        let line = line(&mut seen, subject);
        assert!(line.starts_with('?') && line.contains(why), "{line}");
    }

    let absent = ["memcg", "slab", "reclaim", "lock", "finding", "shrinker"];
    let absent = absent.map(|section| Absent {
        section: section.to_owned(),
        reason: "locked down\u{1b}[2J".to_owned(),
    });
    let blind = |sample: Sample| Sample {
        memcgs: None,
        slab: None,
        reclaim: None,
        locks: None,
        shrinkers: None,
        absent: absent.to_vec(),
        losses: vec![Loss {
            place: "life".to_owned(),
            lost_total: None,
        }],
        ..sample
    };
    let samples: Vec<Sample> = demo().into_iter().map(blind).collect();
    let mut app = overview(&samples);
    for subject in ["zombies", "abandoned", "reclaim", "waits", "shrinkers"] {
        let line = line(&mut app, subject);
        assert!(line.contains("not known: locked down\u{fffd}[2J"), "{line}");
    }
    let lines = drawn(&mut app, 160, 40);
    let is_well = |line: &String| line.starts_with("ok") || line.contains("FINDINGS none");
    assert!(!lines.iter().any(is_well), "{lines:#?}");
    check("overview-blind", &mut app, 80, 24);
}

#[test]
fn the_worst_comes_first_and_what_is_well_says_so() {
    let mut app = overview(&demo_with_findings());
    let body = regions(&app, 160, 40).body;
    let lines = drawn(&mut app, 160, 40);
    let states = lines[body.top().into()..].iter();
    let states = states.filter_map(|line| line.split_whitespace().next());
    let states: Vec<&str> = states
        .take_while(|word| !word.starts_with("FINDINGS"))
        .collect();
    let rank = |state: &&str| {
        ["BAD", "look", "?", "ok"]
            .iter()
            .position(|one| one == state)
    };
    assert!(
        states.iter().all(|state| rank(state).is_some()),
        "{states:?}"
    );
    assert!(states.is_sorted_by_key(rank), "{states:?}");
    assert!(
        states.contains(&"BAD") && states.contains(&"ok"),
        "{states:?}"
    );
}

/// A finding says when it began, and Enter opens it.
#[test]
fn the_newest_findings_are_below() {
    let mut app = overview(&demo_with_findings());
    let lines = drawn(&mut app, 160, 40);
    let at = lines.iter().position(|line| line.starts_with("FINDINGS"));
    let below = &lines[at.unwrap() + 1..];
    let is_found = |line: &&String| line.contains("killed java[900]");
    let killed = below.iter().find(is_found).unwrap();
    let (time, rest) = killed.split_once(' ').unwrap();
    assert_eq!(time.matches(':').count(), 2, "{killed}");
    assert!(
        time.ends_with('Z') && rest.starts_with("critical"),
        "{killed}"
    );
    press(&mut app, "/killed java\nG\n");
    assert!(drawn(&mut app, 160, 40).join("\n").contains("oom"));
}

/// The figure of a subject is drawn beside its verdict, the newest on the right.
#[test]
fn a_figure_that_moves_is_drawn() {
    let mut samples = demo();
    for (lost, sample) in (0..).zip(&mut samples) {
        sample.losses[0].lost_total = Some(lost);
    }
    let losses = line(&mut overview(&samples), "losses");
    assert!(losses.contains(" ▂▄▆█ "), "{losses}");
}

/// What could not be looked at leaves it undecided whether there is a deadlock.
#[test]
fn an_undecided_answer_is_not_none() {
    let mut samples = demo();
    samples.push(answered(4, Host::default().seen()));
    let decided = line(&mut overview(&samples), "deadlocks");
    assert!(
        decided.starts_with("ok") && decided.contains("no deadlock, as of"),
        "{decided}"
    );
    let mut open = Host::default().seen();
    open.not_checked.push(NotChecked {
        what: "file_tables".to_owned(),
        reason: "timed out".to_owned(),
    });
    samples.push(answered(5, open));
    let undecided = line(&mut overview(&samples), "deadlocks");
    assert!(
        undecided.starts_with("look")
            && undecided.contains("undecided: no deadlock found, but not"),
        "{undecided}"
    );
}

/// A task may wait for a minute in which no wait ends.
#[test]
fn a_wait_for_reclaim_in_progress_is_not_nobody() {
    let mut samples = demo();
    let last = samples.last_mut().unwrap();
    let since_ns = last.mono_ns - 61_000_000_000;
    let reclaim = last.reclaim.as_mut().unwrap();
    reclaim.counts.clear();
    reclaim.stalls = vec![Stall {
        task: Task {
            tid: 71,
            comm: "nginx".into(),
            ..Task::default()
        },
        memcg_serial_nr: Some(5),
        cause: Cause::High,
        limit_serial_nr: None,
        since_ns,
        is_throttled: true,
        unconfirmed: false,
    }];
    let mut app = overview(&samples);
    let reclaim = line(&mut app, "reclaim");
    assert!(
        reclaim.starts_with("look") && reclaim.contains("1 task now"),
        "{reclaim}"
    );
    let waits = line(&mut app, "waits");
    assert!(
        waits.contains("nginx[71] for memory to be reclaimed"),
        "{waits}"
    );
}

/// A task that ran when it was looked at may wait all the same.
#[test]
fn a_wait_that_is_not_confirmed_is_not_nobody() {
    let mut samples = demo();
    let last = samples.last_mut().unwrap();
    let (since_ns, task) = (last.mono_ns - 61_000_000_000, Task::default());
    last.locks.as_mut().unwrap().waits.clear();
    let reclaim = last.reclaim.as_mut().unwrap();
    reclaim.stalls.clear();
    let quiet = line(&mut overview(&samples), "waits");
    let none = "no wait that was seen to begin is in progress";
    assert!(quiet.starts_with("ok") && quiet.contains(none), "{quiet}");

    let reclaim = samples.last_mut().unwrap().reclaim.as_mut().unwrap();
    reclaim.stalls = vec![Stall {
        task,
        memcg_serial_nr: Some(5),
        cause: Cause::High,
        limit_serial_nr: None,
        since_ns,
        is_throttled: true,
        unconfirmed: true,
    }];
    let unsure = line(&mut overview(&samples), "waits");
    assert!(
        unsure.starts_with('?') && unsure.contains("1 wait not confirmed"),
        "{unsure}"
    );
}

#[test]
fn enter_goes_to_where_a_line_is_explained() {
    let mut app = overview(&demo());
    for (subject, tab) in [
        ("zombies", "origins"),
        ("reclaim", "reclaim"),
        ("slab", "slab"),
        ("shrinkers", "shrinkers"),
    ] {
        go(&mut app, "overview");
        press(&mut app, &format!("/{subject}\n\n\x1b"));
        assert_eq!(shown(&mut app), tab);
    }
    go(&mut app, "overview");
    press(&mut app, "/losses\n\n");
    assert!(
        drawn(&mut app, 80, 24)
            .join("\n")
            .contains("could not be counted")
    );
}
