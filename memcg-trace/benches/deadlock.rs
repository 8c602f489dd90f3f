//! Time to judge 100,000 waiting tasks that have 1,000,000 edges to the resources that they wait
//! for.

use memcg_trace::deadlock::{Rules, Verdict, judge};
use memcg_trace::sample::ResourceKind;
use memcg_trace::sample::waits::{Evidence, Holder, Resource, Task, TaskScan, Wait, Waits};

const TASKS: u32 = 100_000;
/// Holders of each resource: with the wait itself, ten edges for each task.
const HOLDERS: u32 = 9;

fn main() {
    divan::main();
}

/// Each task waits for a resource that nine others hold; the first task holds its own, and whether
/// that is ever released decides for all.
fn waits(kind: ResourceKind, is_first_stuck: bool) -> Waits {
    let task = |tid: u32| Task {
        addr: 0xffff_8880_0000_0000 + u64::from(tid) * 0x1000,
        pid: tid,
        tid,
        comm: "worker".into(),
        start_ns: Some(1),
        state: Some('D'),
        switches: Some(1),
        ..Task::default()
    };
    // Held only by tasks before the waiter: a long chain, and a cycle only at its end.
    let holder = |tid: u32, nth: u32| {
        let spread = (tid ^ nth.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
        Holder {
            task: (spread >> 8) % tid.max(1),
            evidence: Evidence::OwnerWord,
            ..Holder::default()
        }
    };
    let resource = |tid: u32| Resource {
        kind,
        addr: 0xffff_ffff_8000_0000 + u64::from(tid) * 0x40,
        holders: (0..HOLDERS).map(|nth| holder(tid, nth)).collect(),
        ..Resource::default()
    };
    let wait = |tid: u32| Wait {
        task: tid,
        resource: tid,
        evidence: Evidence::OwnerWord,
        ..Wait::default()
    };
    let look = TaskScan {
        end_ns: 10_000_000_000,
        tasks: (0..TASKS).map(task).collect(),
        resources: (0..TASKS).map(resource).collect(),
        waits: (u32::from(!is_first_stuck)..TASKS).map(wait).collect(),
        ..TaskScan::default()
    };
    Waits {
        looks: vec![look.clone(), look],
        ..Waits::default()
    }
}

fn judged(bencher: divan::Bencher<'_, '_>, kind: ResourceKind, is_first_stuck: bool) {
    let waits = waits(kind, is_first_stuck);
    let found: Verdict = judge(&waits, &Rules::default());
    assert_eq!(found.deadlocks.len(), usize::from(is_first_stuck));
    bencher.bench(|| judge(divan::black_box(&waits), &Rules::default()));
}

#[divan::bench]
fn all_make_progress_and(bencher: divan::Bencher<'_, '_>) {
    judged(bencher, ResourceKind::Mutex, false);
}

#[divan::bench]
fn all_make_progress_or(bencher: divan::Bencher<'_, '_>) {
    judged(bencher, ResourceKind::Work, false);
}

#[divan::bench]
fn all_are_stuck_and(bencher: divan::Bencher<'_, '_>) {
    judged(bencher, ResourceKind::Mutex, true);
}

#[divan::bench]
fn all_are_stuck_or(bencher: divan::Bencher<'_, '_>) {
    judged(bencher, ResourceKind::Work, true);
}
