//! Sums of the counters of shrinkers.

use memcg_trace_common::shrinker::ShrinkerCount;

use crate::kernel::maps::histogram::DurationHistogram;
use crate::kernel::maps::value::MapValue;

/// The sum of a row over the CPUs.
#[derive(Default)]
pub(super) struct Sum {
    pub(super) count: ShrinkerCount,
    pub(super) durations: DurationHistogram,
}

/// The growth of a row since it was first read. The longest run may be older.
pub(super) fn since(now: &ShrinkerCount, first: Option<&ShrinkerCount>) -> ShrinkerCount {
    let Some(first) = first else { return *now };
    let mut priorities = now.priorities;
    for (all, first) in priorities.iter_mut().zip(first.priorities) {
        *all = all.wrapping_sub(first);
    }
    let grown = |figure: fn(&ShrinkerCount) -> u64| figure(now).wrapping_sub(figure(first));
    let time_ns = grown(|one| one.time_ns);
    ShrinkerCount {
        calls: grown(|one| one.calls),
        asked_objects: grown(|one| one.asked_objects),
        scanned_objects: grown(|one| one.scanned_objects),
        freed_objects: grown(|one| one.freed_objects),
        time_ns,
        max_ns: now.max_ns.min(time_ns),
        runs: grown(|one| one.runs),
        light_scanned_objects: grown(|one| one.light_scanned_objects),
        light_freed_objects: grown(|one| one.light_freed_objects),
        light_due_objects: grown(|one| one.light_due_objects),
        light_deferred_objects: grown(|one| one.light_deferred_objects),
        priorities,
        ..*now
    }
}

pub(super) fn add(sum: ShrinkerCount, MapValue(cpu): &MapValue<ShrinkerCount>) -> ShrinkerCount {
    // The state that was seen last wins.
    let last = if cpu.seen_ns > sum.seen_ns { *cpu } else { sum };
    let mut priorities = sum.priorities;
    for (all, one) in priorities.iter_mut().zip(cpu.priorities) {
        *all = all.saturating_add(one);
    }
    ShrinkerCount {
        calls: sum.calls + cpu.calls,
        asked_objects: sum.asked_objects.wrapping_add(cpu.asked_objects),
        scanned_objects: sum.scanned_objects.wrapping_add(cpu.scanned_objects),
        freed_objects: sum.freed_objects + cpu.freed_objects,
        time_ns: sum.time_ns + cpu.time_ns,
        max_ns: sum.max_ns.max(cpu.max_ns),
        runs: sum.runs + cpu.runs,
        seen_ns: last.seen_ns,
        freeable_objects: last.freeable_objects,
        deferred_objects: last.deferred_objects,
        light_scanned_objects: sum.light_scanned_objects + cpu.light_scanned_objects,
        light_freed_objects: sum.light_freed_objects + cpu.light_freed_objects,
        light_due_objects: sum.light_due_objects + cpu.light_due_objects,
        light_deferred_objects: sum.light_deferred_objects + cpu.light_deferred_objects,
        priorities,
    }
}
