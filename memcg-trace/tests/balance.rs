//! Findings about balance: for each rule a host that it finds, and a twin that it must not find.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot continue says where"
)]

mod fixture;

use fixture::{empty, memcg, oom_kill, root, snapshots, walk};
use memcg_trace::model::Model;
use memcg_trace::model::snapshot::{Figure, Finding, FindingKind, Severity, Snapshot};
use memcg_trace::sample::reclaim::{Cause, OomKill, Reclaim, ReclaimCount, Shrinking};
use memcg_trace::sample::{LightScan, Memcg, Sample, Shrinker};

const MIB: u64 = 1 << 20;
const SERVICE: u64 = 5;

/// A host with one service, second by second.
fn host(change: impl Fn(u64, &mut Sample)) -> Vec<Sample> {
    (0..12)
        .map(|second| {
            let mut sample = empty(second);
            sample.memcgs = Some(walk(second, vec![root(), service(second, 10 * MIB)]));
            sample.reclaim = Some(Reclaim {
                as_of_ns: sample.mono_ns,
                counts_pages: true,
                ..Reclaim::default()
            });
            sample.shrinkers = Some(Vec::new());
            change(second, &mut sample);
            sample
        })
        .collect()
}

fn service(_second: u64, usage_bytes: u64) -> Memcg {
    Memcg {
        usage_bytes: Some(usage_bytes),
        slab_bytes: Some(MIB),
        ..memcg(SERVICE, 1, "service")
    }
}

fn row(sample: &mut Sample) -> &mut Memcg {
    &mut sample.memcgs.as_mut().unwrap().rows[1]
}

fn found(samples: &[Sample], kind: FindingKind) -> Vec<Finding> {
    let all = snapshots(samples);
    let findings = |snapshot: &Snapshot| -> Vec<Finding> {
        let items = snapshot.findings.items.iter();
        items.filter(|one| one.kind == kind).cloned().collect()
    };
    // The last snapshot with findings.
    let last = all.iter().rev().map(|snapshot| findings(snapshot));
    last.into_iter()
        .find(|some| !some.is_empty())
        .unwrap_or_default()
}

/// The only finding of a host; its twin must have none.
fn only(samples: &[Sample], twin: &[Sample], kind: FindingKind) -> Finding {
    for other in FindingKind::ALL {
        let found = found(twin, other);
        assert!(found.is_empty(), "the twin has {found:#?}");
    }
    let mut all = found(samples, kind);
    assert_eq!(all.len(), 1, "{all:#?}");
    let finding = all.remove(0);
    assert!(
        !finding.sentence.chars().any(char::is_control),
        "{finding:?}"
    );
    finding
}

fn count(finding: &Finding, name: &str) -> u64 {
    match finding.figure(name) {
        Some(Figure::Count(count)) => *count,
        other => panic!("{name}: {other:?}"),
    }
}

fn scans(scanned: u64, freed: u64, light: LightScan) -> Shrinker {
    Shrinker {
        shrinker: 7,
        name: Some("super_cache_scan".to_owned()),
        memcg_serial_nr: Some(SERVICE),
        cause: Cause::Kswapd,
        scanned_objects_total: scanned,
        freed_objects_total: freed,
        freeable_objects: Some(600),
        light: Some(light),
        ..Shrinker::default()
    }
}

#[test]
fn a_small_cache_is_scanned_far_more_than_its_share() {
    // Twice a second 600 objects at priority 12: none are due, and a batch of 600 is scanned.
    let light = |due, scanned| LightScan {
        due_objects_total: due,
        scanned_objects_total: scanned,
        freed_objects_total: scanned / 2,
        ..LightScan::default()
    };
    let sick = host(|second, sample| {
        let scanned = 1_200 * second;
        sample.shrinkers = Some(vec![scans(scanned, scanned / 2, light(0, scanned))]);
    });
    // The same scan of a cache that is large enough for it.
    let twin = host(|second, sample| {
        let scanned = 1_200 * second;
        sample.shrinkers = Some(vec![scans(scanned, scanned / 2, light(scanned, scanned))]);
    });
    let finding = only(&sick, &twin, FindingKind::SmallCacheOverScan);
    assert!(count(&finding, "scanned_objects") >= 1_000);
    assert_eq!(count(&finding, "due_objects"), 0);
    assert!(finding.sentence.contains("/service"), "{finding:?}");
}

#[test]
fn much_is_scanned_for_nothing() {
    let sick = host(|second, sample| {
        let scanned = 50_000 * second;
        sample.shrinkers = Some(vec![scans(scanned, second, LightScan::default())]);
    });
    // Only the first scan of the cache, and one that frees a tenth.
    let twin = host(|second, sample| {
        let first = 50_000 * second.min(2);
        let fruitful = Shrinker {
            shrinker: 8,
            ..scans(50_000 * second, 5_000 * second, LightScan::default())
        };
        sample.shrinkers = Some(vec![scans(first, 0, LightScan::default()), fruitful]);
    });
    let finding = only(&sick, &twin, FindingKind::FruitlessScanning);
    assert_eq!(count(&finding, "scanned_objects"), 150_000);
    assert_eq!(count(&finding, "freed_objects"), 3);
}

#[test]
fn reclaim_is_stuck_in_a_shrinker() {
    let stuck = |since: fn(u64, u64) -> u64| {
        host(move |second, sample| {
            let begin_ns = since(second, sample.mono_ns);
            let reclaim = sample.reclaim.as_mut().unwrap();
            reclaim.shrinking = vec![Shrinking {
                pid: 70,
                tid: 71,
                comm: "gnome\u{1b}[2J".into(),
                shrinker: 7,
                name: Some("xfs_reclaim_inodes".to_owned()),
                memcg_serial_nr: Some(SERVICE),
                begin_ns,
                stack: vec!["xfs_buf_lock".to_owned(), "super_cache_scan".to_owned()],
                ..Shrinking::default()
            }];
        })
    };
    let sick = stuck(|second, now_ns| now_ns - second * 1_000_000_000);
    // A new run every second.
    let twin = stuck(|_, now_ns| now_ns - 900_000_000);
    let finding = only(&sick, &twin, FindingKind::BlockedShrinker);
    assert_eq!(finding.severity, Severity::Critical);
    assert!(count(&finding, "waited_ns") >= 10_000_000_000);
    assert_eq!(count(&finding, "tid"), 71);
    let stack = vec!["xfs_buf_lock".to_owned(), "super_cache_scan".to_owned()];
    assert_eq!(finding.figure("stack"), Some(&Figure::Texts(stack)));
}

#[test]
fn pages_pay_for_slab() {
    let taken = |pages_a_second: u64, slab: fn(u64) -> u64| {
        host(move |second, sample| {
            row(sample).usage_bytes = Some(1_000 * MIB);
            row(sample).slab_bytes = Some(slab(second));
            sample.reclaim.as_mut().unwrap().counts = vec![ReclaimCount {
                memcg_serial_nr: Some(SERVICE),
                cause: Cause::Kswapd,
                reclaimed_pages_total: pages_a_second * second,
                ..ReclaimCount::default()
            }];
        })
    };
    let sick = taken(10_000, |_| 900 * MIB);
    // Slab shrinks by its share.
    let twin = taken(1_000, |second| (900 - 36 * second) * MIB);
    let finding = only(&sick, &twin, FindingKind::LopsidedReclaim);
    assert_eq!(count(&finding, "slab_taken_bytes"), 0);
    assert_eq!(count(&finding, "pages_taken_bytes"), 5 * 10_000 * 4096);
}

#[test]
fn memory_collapses_and_refills() {
    let usage = |at: fn(u64) -> u64| {
        host(move |second, sample| row(sample).usage_bytes = Some(at(second) * MIB))
    };
    let sick = usage(|second| if second % 2 == 0 { 500 } else { 100 });
    // A service that is stopped and started once, and whose usage then varies a little.
    let twin = usage(|second| match second {
        3 => 50,
        second => 500 - 10 * (second % 3),
    });
    let finding = only(&sick, &twin, FindingKind::Sawtooth);
    assert!(count(&finding, "teeth") >= 3);
    assert_eq!(count(&finding, "trough_bytes"), 100 * MIB);
}

#[test]
fn reclaim_walks_dead_memcgs() {
    let visits = |dead_ns: u64| {
        host(move |second, sample| {
            let rows = &mut sample.memcgs.as_mut().unwrap().rows;
            rows.push(fixture::zombie(6, 1, "gone", 3));
            let of = |serial_nr, visit_ns_total| ReclaimCount {
                memcg_serial_nr: Some(serial_nr),
                cause: Cause::Kswapd,
                visit_ns_total,
                ..ReclaimCount::default()
            };
            let counts = vec![of(SERVICE, 100_000_000 * second), of(6, dead_ns * second)];
            sample.reclaim.as_mut().unwrap().counts = counts;
        })
    };
    let finding = only(
        &visits(50_000_000),
        &visits(1_000_000),
        FindingKind::DeadWeight,
    );
    assert_eq!(count(&finding, "dead_ns"), 250_000_000);
    assert_eq!(count(&finding, "reclaim_ns"), 750_000_000);
    assert_eq!(count(&finding, "zombies"), 1);
}

#[test]
fn usage_comes_near_memory_high() {
    let near = |usage: u64| {
        host(move |_, sample| {
            row(sample).high_bytes = Some(100 * MIB);
            row(sample).usage_bytes = Some(usage * MIB);
        })
    };
    let finding = only(&near(96), &near(94), FindingKind::NearHigh);
    assert_eq!(finding.severity, Severity::Info);
    assert_eq!(count(&finding, "headroom_bytes"), 4 * MIB);
    // The threshold is configurable.
    let mut model = Model::new().near_high(0.5);
    let all: Vec<_> = near(60).iter().map(|sample| model.step(sample)).collect();
    let last = &all.last().unwrap().findings.items;
    assert_eq!(last.len(), 1, "{last:#?}");
    assert!(!last[0].resolved);
}

/// A finding that was not checked again is not over: here memcgs are walked once in six samples.
#[test]
fn a_finding_lasts_until_a_look_does_not_find_it() {
    let walked = |usage_at: fn(u64) -> u64| {
        host(move |second, sample| {
            row(sample).high_bytes = Some(100 * MIB);
            row(sample).usage_bytes = Some(usage_at(second) * MIB);
            if second % 6 != 1 {
                sample.memcgs = None;
            }
        })
    };
    let revisions = |samples: &[Sample]| {
        let snapshots = snapshots(samples);
        let all = snapshots.iter().flat_map(|one| &one.findings.items);
        let near = all.filter(|one| one.kind == FindingKind::NearHigh);
        near.map(|one| (one.number, one.resolved))
            .collect::<Vec<_>>()
    };
    let steady = revisions(&walked(|_| 96));
    assert!(steady.len() > 6, "{steady:?}");
    assert!(steady.iter().all(|one| *one == (1, false)), "{steady:?}");
    let falls = revisions(&walked(|second| if second < 7 { 96 } else { 10 }));
    assert_eq!(falls.last(), Some(&(1, true)));
}

#[test]
fn the_kernel_kills_for_memory() {
    let killed = host(|second, sample| {
        sample.oom_kills = Some(Vec::new());
        if second == 6 {
            sample.oom_kills = Some(vec![oom_kill(sample.mono_ns, SERVICE)]);
        }
    });
    let twin = host(|_, sample| sample.oom_kills = Some(Vec::new()));
    let finding = only(&killed, &twin, FindingKind::Oom);
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(count(&finding, "victim_pid"), 900);
    assert_eq!(count(&finding, "slab_bytes"), MIB);
    let path = Figure::Text("/service".to_owned());
    assert_eq!(finding.figure("limited_by_path"), Some(&path));
    assert!(
        finding.sentence.contains("killed java[900] of /service"),
        "{finding:?}"
    );
}

#[test]
fn findings_do_not_wait_for_trends_and_tell_what_is_left_out() {
    let killed = host(|second, sample| {
        let pids = if second == 1 { 0..70 } else { 0..0 };
        let kill = |pid| OomKill {
            time_ns: sample.mono_ns,
            victim_serial_nr: Some(SERVICE),
            victim_pid: pid,
            ..OomKill::default()
        };
        sample.oom_kills = Some(pids.map(kill).collect());
    });
    let second = &snapshots(&killed[..2])[1];
    assert_eq!(second.findings.items.len(), 64);
    assert_eq!(second.findings.truncated_at, Some(64));
    // Growth of zombies needs more walks to be known.
    assert!(second.findings.is_known() && second.findings.reason.is_some());
}
