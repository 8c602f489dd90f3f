//! The overview: problems, and checks that were not possible.

use memcg_trace::sample::reclaim::{Cause, Stall};
use memcg_trace::sample::waits::NotChecked;
use memcg_trace::sample::{Absent, Loss, Sample, Task};
use memcg_trace::tui::App;

use crate::fixture::waits::{Host, answered, demo_with_deadlock};
use crate::fixture::{demo, host};
use crate::tabs::demo_with_findings;
use crate::{SIZES, app, check, drawn, go, press, shown};

fn overview(samples: &[Sample]) -> App {
    let mut app = app(host(), samples);
    go(&mut app, "overview");
    app
}

/// The line of a subject.
fn line(app: &mut App, subject: &str) -> String {
    let lines = drawn(app, 160, 40);
    let line = lines.iter().find(|line| line.starts_with(subject));
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

/// A check that was not made is not shown as "none".
#[test]
fn what_is_absent_is_not_none() {
    let mut seen = overview(&demo());
    for subject in ["reclaim", "waits", "loss"] {
        let line = line(&mut seen, subject);
        assert!(!line.contains("not known"), "{line}");
    }
    let zombies = line(&mut seen, "zombies");
    assert!(
        zombies.ends_with("4; what they pin is not known"),
        "{zombies}"
    );
    assert!(line(&mut seen, "deadlocks").contains("not known: not asked"));

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
    for subject in ["zombies", "reclaim", "waits"] {
        let line = line(&mut app, subject);
        assert!(line.contains("not known: locked down\u{fffd}[2J"), "{line}");
    }
    for subject in ["deadlocks", "loss"] {
        let line = line(&mut app, subject);
        assert!(line.contains("not known"), "{line}");
    }
    let findings = line(&mut app, "findings");
    assert!(!findings.ends_with("none"), "{findings}");
    check("overview-blind", &mut app, 80, 24);
}

/// What could not be looked at leaves it undecided whether there is a deadlock.
#[test]
fn an_undecided_answer_is_not_none() {
    let mut samples = demo();
    samples.push(answered(4, Host::default().seen()));
    let decided = line(&mut overview(&samples), "deadlocks");
    assert!(decided.contains("no deadlock, as of"), "{decided}");
    let mut open = Host::default().seen();
    open.not_checked.push(NotChecked {
        what: "file_tables".to_owned(),
        reason: "timed out".to_owned(),
    });
    samples.push(answered(5, open));
    let undecided = line(&mut overview(&samples), "deadlocks");
    assert!(
        undecided.contains("undecided: no deadlock found, but not"),
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
    assert!(line(&mut app, "reclaim").contains("no wait ended"));
    assert!(line(&mut app, "waits").contains("1 for reclaim"));
    let lines = drawn(&mut app, 160, 40);
    let task = |line: &String| line.contains("nginx[") && line.contains("for reclaim");
    assert!(lines.iter().any(task), "{lines:#?}");
}

#[test]
fn enter_goes_to_the_tab_of_a_line() {
    let mut app = overview(&demo());
    for (filter, tab) in [
        ("findings", "findings"),
        ("zombies", "zombies"),
        ("reclaim", "reclaim"),
    ] {
        go(&mut app, "overview");
        press(&mut app, &format!("/{filter}\n\n\x1b"));
        assert_eq!(shown(&mut app), tab);
    }
}
