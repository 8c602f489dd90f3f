//! Findings about zombies: growth is found, and zombies that come and go are not.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;

use std::sync::Arc;

use fixture::{
    DYING, EVIL, ONLINE, ROOT, SECOND, START_NS, empty, host, life, memcg, root, snapshots, walk,
    walked, zombie,
};
use memcg_trace::model::select::Selection;
use memcg_trace::model::snapshot::{Finding, Severity, Snapshot};
use memcg_trace::output::ndjson::Ndjson;
use memcg_trace::output::{summary, text, zombies as list};
use memcg_trace::sample::{Memcg, MemcgEvent, MemcgEventKind, Sample, Text};

const PARENT: u64 = 2;

fn parent() -> Memcg {
    memcg(PARENT, ROOT, "jobs")
}

/// A zombie below the parent.
fn left(serial_nr: u64) -> Memcg {
    zombie(serial_nr, PARENT, format!("job-{serial_nr}").as_str(), 1)
}

/// One walk a second; `zombies` returns the zombies of that second.
fn host_of(seconds: u64, zombies: impl Fn(u64) -> Vec<Memcg>) -> Vec<Arc<Snapshot>> {
    let sample = |second| {
        let rows = [vec![root(), parent()], zombies(second)].concat();
        walked(second, rows)
    };
    let samples: Vec<Sample> = (0..seconds).map(sample).collect();
    snapshots(&samples)
}

fn findings(snapshot: &Snapshot) -> &[Finding] {
    &snapshot.findings.items
}

/// A loop that begins after the first walk and leaves five zombies a second.
fn leaky(second: u64) -> Vec<Memcg> {
    (0..second * 5).map(|number| left(100 + number)).collect()
}

#[test]
fn a_loop_that_leaks_is_found_within_two_intervals() {
    let all = host_of(4, leaky);
    assert!(!all[0].findings.is_known() && !all[1].findings.is_known());
    assert_eq!(all[1].findings.reason.as_deref(), Some("needs three walks"));
    let [found] = findings(&all[2]) else {
        panic!("{:?}", all[2].findings);
    };
    assert_eq!(found.memcg.as_ref().unwrap().path, Text::from("/jobs"));
    assert_eq!(found.severity, Severity::Warn);
    assert_eq!(
        (
            found.growth().unwrap().grown,
            found.growth().unwrap().survivors
        ),
        (5, 5)
    );
    assert_eq!(
        (
            found.growth().unwrap().births,
            found.growth().unwrap().deaths
        ),
        (None, None),
        "no events"
    );
    assert_eq!(found.first_ns, START_NS);
    assert!(!found.resolved);
    assert_eq!(
        found.sentence,
        "cgroups removed from /jobs stay in memory: 5 more within 2 s, 5 of them now"
    );
    assert_eq!(findings(&all[3])[0].growth().unwrap().grown, 10);
    assert_eq!(findings(&all[3])[0].number, found.number, "the same one");
}

/// Each is removed at the same pace, and gone one walk later at most.
#[test]
fn a_loop_that_leaves_nothing_behind_is_not() {
    for per_second in [1, 5, 200] {
        let all = host_of(60, |second| {
            let mine = second * per_second..(second + 1) * per_second;
            mine.map(|number| left(100 + number)).collect()
        });
        assert!(all.iter().all(|snapshot| findings(snapshot).is_empty()));
        assert!(all[59].findings.is_known());
    }
}

/// Each takes some seconds to go. At first that cannot be told from one that stays; the finding is
/// over once as many go as come, and does not come back.
#[test]
fn slow_to_go_is_not_to_stay() {
    let all = host_of(60, |second| {
        let mine = (second * 2).saturating_sub(8)..(second * 2 + 2);
        mine.map(|number| left(100 + number)).collect()
    });
    let [found] = findings(&all[59]) else {
        panic!("{:?}", all[59].findings);
    };
    assert!(found.resolved);
    assert_eq!(found.growth().unwrap().survivors, 8);
    assert!(found.last_ns < START_NS + 8 * SECOND, "{found:?}");
}

#[test]
fn what_was_there_before_never_counts() {
    let old = || {
        (0..500)
            .map(|number| left(100 + number))
            .collect::<Vec<_>>()
    };
    let all = host_of(20, |_| old());
    assert!(all.iter().all(|snapshot| findings(snapshot).is_empty()));
    // Zombies on their way out that are pinned only later do not count either.
    let all = host_of(20, |second| {
        let on_their_way = |number: u64| Memcg {
            flags: if second < 1 + number / 5 {
                DYING | ONLINE
            } else {
                DYING
            },
            ..left(100 + number)
        };
        (0..50).map(on_their_way).collect()
    });
    assert!(all.iter().all(|snapshot| findings(snapshot).is_empty()));
}

/// A zombie in a phase before `pinned` is on its way out.
#[test]
fn those_that_are_on_their_way_do_not_count() {
    let all = host_of(10, |second| {
        let mut zombies = leaky(second);
        for zombie in &mut zombies {
            zombie.flags = DYING | ONLINE;
        }
        zombies
    });
    assert!(all.iter().all(|snapshot| findings(snapshot).is_empty()));
}

/// Many at once, and then no more: a cleanup.
#[test]
fn a_burst_is_no_growth() {
    let all = host_of(30, |second| match second {
        0..3 => Vec::new(),
        _ => leaky(10),
    });
    assert!(all.iter().all(|snapshot| findings(snapshot).is_empty()));
}

#[test]
fn a_slow_leak_is_found_later() {
    let all = host_of(120, |second| {
        (0..second / 10).map(|number| left(100 + number)).collect()
    });
    let first = all
        .iter()
        .position(|snapshot| !findings(snapshot).is_empty());
    assert_eq!(first, Some(51), "the fifth that stays");
    let open = all[51..].iter().map(|snapshot| findings(snapshot));
    assert!(
        open.clone().all(|all| all.len() == 1 && !all[0].resolved),
        "no flapping"
    );
}

#[test]
fn a_finding_is_resolved_when_growth_stops() {
    let all = host_of(20, |second| leaky(second.min(6)));
    let resolved = all.iter().position(|snapshot| {
        findings(snapshot)
            .first()
            .is_some_and(|finding| finding.resolved)
    });
    let last = &findings(&all[19])[0];
    // The last ones came with the sixth walk and count from the seventh on.
    assert_eq!(resolved, Some(7 + 6));
    assert_eq!(
        (
            last.growth().unwrap().grown,
            last.growth().unwrap().survivors
        ),
        (30, 30)
    );
    assert_eq!(last.last_ns, START_NS + 7 * SECOND);
    assert!(
        last.sentence.ends_with("no more since"),
        "{}",
        last.sentence
    );
    assert_eq!(summary::worst_finding(&all[19]), None, "it is over");
    // If the growth begins again, that is another finding.
    let all = host_of(40, |second| match second {
        0..20 => leaky(second.min(6)),
        _ => leaky(second - 14),
    });
    let [open, over] = findings(&all[30]) else {
        panic!("{:?}", all[30].findings);
    };
    assert!(!open.resolved && over.resolved && open.number != over.number);
    assert!(open.growth().unwrap().grown < open.growth().unwrap().survivors);
}

#[test]
fn many_or_fast_is_critical() {
    let all = host_of(30, |second| {
        (0..second * 40).map(|number| left(100 + number)).collect()
    });
    let severity = |second: usize| findings(&all[second])[0].severity;
    assert_eq!(severity(2), Severity::Warn, "a rate takes time");
    assert_eq!(severity(3), Severity::Critical);
    let line = summary::worst_finding(&all[29]).unwrap();
    assert!(
        line.starts_with("critical: cgroups removed from /jobs"),
        "{line}"
    );
}

/// A sample with events: births, deaths, and the creators.
fn with_events(second: u64, of: impl Fn(u64) -> u64) -> Sample {
    let born = if second == 0 {
        0..0
    } else {
        (second - 1) * 5..second * 5
    };
    let events = born.flat_map(|number| {
        let job = memcg(100 + number, of(number), format!("job-{number}").as_str());
        let time_ns = START_NS + second * SECOND - 500_000_000 + number;
        let event = move |kind, time_ns| MemcgEvent {
            comm: "runc".into(),
            ..life(kind, time_ns, &job)
        };
        [
            event(MemcgEventKind::Online, time_ns),
            event(MemcgEventKind::Offline, time_ns + 1),
        ]
    });
    let parents = (0..50).map(|number| memcg(PARENT + number, ROOT, format!("p{number}").as_str()));
    let zombies = (0..second * 5).map(|number| Memcg {
        own_cost_bytes: Some(1000),
        ..zombie(
            100 + number,
            of(number),
            format!("job-{number}").as_str(),
            1,
        )
    });
    Sample {
        life: Some(events.collect()),
        memcgs: Some(walk(
            second,
            [root()].into_iter().chain(parents).chain(zombies).collect(),
        )),
        ..empty(second)
    }
}

#[test]
fn births_deaths_and_the_creator() {
    let samples: Vec<Sample> = (0..4)
        .map(|second| with_events(second, |_| PARENT))
        .collect();
    let all = snapshots(&samples);
    let [found] = findings(&all[2]) else {
        panic!("{:?}", all[2].findings);
    };
    let figures = found.growth().unwrap();
    assert_eq!((figures.births, figures.deaths), (Some(10), Some(10)));
    assert_eq!(figures.own_cost_bytes, Some(5000));
    assert_eq!(figures.creator_comm, Some("runc".into()));
    assert!(
        found.sentence.ends_with("the last made by runc"),
        "{}",
        found.sentence
    );
}

/// Each has a parent of its own: all have the same creator.
#[test]
fn one_creator_under_many_parents() {
    let samples: Vec<Sample> = (0..4)
        .map(|second| with_events(second, |number| PARENT + number))
        .collect();
    let all = snapshots(&samples);
    let [found] = findings(&all[2]) else {
        panic!("{:?}", all[2].findings);
    };
    assert_eq!(found.memcg, None);
    assert_eq!(found.growth().unwrap().creator_comm, Some("runc".into()));
    assert!(
        found.sentence.starts_with("cgroups that runc made"),
        "{}",
        found.sentence
    );
}

/// Shorter intervals give no false findings, longer ones miss none.
#[test]
fn any_interval() {
    for interval_ns in [SECOND / 10, SECOND / 3, 60 * SECOND] {
        let sample = |step: u64, zombies: Vec<Memcg>| {
            let mut sample = walked(0, [vec![root(), parent()], zombies].concat());
            let now_ns = START_NS + step * interval_ns;
            let walk = sample.memcgs.as_mut().unwrap();
            (walk.begin_ns, walk.end_ns, sample.mono_ns) = (now_ns - 9, now_ns, now_ns);
            sample
        };
        let run = |zombies: &dyn Fn(u64) -> Vec<Memcg>| {
            let samples: Vec<Sample> = (0..60).map(|step| sample(step, zombies(step))).collect();
            let all = snapshots(&samples);
            all.iter()
                .position(|snapshot| !findings(snapshot).is_empty())
        };
        let found = run(&leaky).unwrap();
        let within = if interval_ns > SECOND { 2 } else { 12 };
        assert!((2..=within).contains(&found), "{interval_ns}: {found}");
        let burst = |step: u64| if step < 3 { Vec::new() } else { leaky(10) };
        assert_eq!(run(&burst), None, "{interval_ns}");
        let clean = |step: u64| {
            (step * 5..step * 5 + 5)
                .map(|number| left(100 + number))
                .collect()
        };
        assert_eq!(run(&clean), None, "{interval_ns}");
    }
}

#[test]
fn records_come_at_changes() {
    let all = host_of(40, |second| leaky(second.min(25)));
    let mut records = Ndjson::new(Vec::new(), host());
    let mut told = Vec::new();
    let mut revision = None;
    for snapshot in &all {
        let last = findings(snapshot).iter().map(|one| one.revision).max();
        if last > revision {
            told.push(snapshot.frame);
            revision = last;
        }
        records.write(snapshot).unwrap();
    }
    // It appears, has other figures after ten seconds, is critical, has others, is resolved.
    assert_eq!(told, [2, 12, 13, 23, 32]);
}

#[test]
fn hostile_names_are_tamed_everywhere() {
    let evil = |row: Memcg| Memcg {
        name: EVIL.into(),
        ..row
    };
    let sample = |second: u64| {
        let zombies = leaky(second).into_iter().map(evil).collect();
        let rows = [vec![root(), evil(parent())], zombies].concat();
        walked(second, rows)
    };
    let samples: Vec<Sample> = (0..4).map(sample).collect();
    let last = snapshots(&samples).pop().unwrap();
    assert_eq!(findings(&last).len(), 1);
    let texts = [
        summary::worst_finding(&last).unwrap(),
        text::render(&last, &host(), text::Style::default()),
        list::render(&last, &host(), &[], 0, None, text::Style::default()),
    ];
    for text in texts {
        let hostile = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(hostile), "{text:?}");
        assert!(text.contains("stay in memory"));
    }
}

#[test]
fn a_subtree_has_its_own_findings() {
    let last = host_of(4, leaky).pop().unwrap();
    let below = |cgroup: &str| {
        let part = Selection {
            cgroup: Some(cgroup.into()),
            top: None,
        };
        findings(&part.of(&last)).len()
    };
    assert_eq!((below("/jobs"), below("/other")), (1, 0));
}
