//! Sums of the counters of reclaim, and the rows that samples have of them.

use memcg_trace_common::reclaim::{ReclaimCount, ReclaimKey, StalledTask, kind};

use crate::kernel::counted::room;
use crate::kernel::maps::histogram::DurationHistogram;
use crate::kernel::maps::value::MapValue;
use crate::sample::reclaim::{self, Cause};

/// Memcg, cause and limit.
pub(super) type Key = (u64, Cause, u64);

/// The growth of a row since it was first read. The longest run may be older.
pub(super) fn since(now: &ReclaimCount, first: Option<&ReclaimCount>) -> ReclaimCount {
    let Some(first) = first else { return *now };
    let run_ns = now.run_ns.saturating_sub(first.run_ns);
    ReclaimCount {
        runs: now.runs.saturating_sub(first.runs),
        run_ns,
        max_ns: now.max_ns.min(run_ns),
        visits: now.visits.saturating_sub(first.visits),
        visit_ns: now.visit_ns.saturating_sub(first.visit_ns),
        scanned_pages: now.scanned_pages.saturating_sub(first.scanned_pages),
        reclaimed_pages: now.reclaimed_pages.saturating_sub(first.reclaimed_pages),
    }
}

pub(super) fn stalled_since(now: StalledTask, first: Option<&StalledTask>) -> StalledTask {
    let Some(first) = first else { return now };
    let stall_ns = now.stall_ns.saturating_sub(first.stall_ns);
    StalledTask {
        stalls: now.stalls.saturating_sub(first.stalls),
        stall_ns,
        max_ns: now.max_ns.min(stall_ns),
        ..now
    }
}

/// Adds a row of the kernel to the row of its key.
pub(super) fn book(row: &mut reclaim::ReclaimCount, key: &ReclaimKey, sum: &ReclaimCount) {
    // All members, so that the compiler asks for a new one.
    let ReclaimCount {
        runs,
        run_ns,
        max_ns,
        visits,
        visit_ns,
        scanned_pages,
        reclaimed_pages,
    } = *sum;
    if key.is_kthread == 0 {
        row.stalls_total += runs;
        row.stall_ns_total += run_ns;
        row.max_ns = row.max_ns.max(max_ns);
        if key.kind == kind::THROTTLE {
            row.throttles_total += runs;
            row.throttle_ns_total += run_ns;
        }
    } else if key.kind == kind::KSWAPD {
        // Background reclaim has no end to be seen: its visits to each memcg are counted.
        row.background_total += visits;
        row.background_ns_total += visit_ns;
    } else {
        row.background_total += runs;
        row.background_ns_total += run_ns;
    }
    row.visits_total += visits;
    row.visit_ns_total += visit_ns;
    row.scanned_pages_total += scanned_pages;
    row.reclaimed_pages_total += reclaimed_pages;
}

pub(super) fn finish(
    (key, (row, durations)): (Key, (reclaim::ReclaimCount, DurationHistogram)),
) -> reclaim::ReclaimCount {
    let (memcg, cause, limit) = key;
    // The longest is bounded by the durations of this period, as far as their bucket tells.
    let longest_ns = durations.longest().map(|about_ns| about_ns + about_ns / 4);
    let max_ns = row.max_ns.min(longest_ns.unwrap_or(row.max_ns));
    let percentile = |percent| durations.percentile(percent, row.stalls_total, max_ns);
    reclaim::ReclaimCount {
        memcg_serial_nr: room::known(memcg),
        cause,
        limit_serial_nr: room::known(limit),
        p50_ns: percentile(50),
        p99_ns: percentile(99),
        max_ns,
        ..row
    }
}

pub(super) fn add(sum: ReclaimCount, MapValue(cpu): &MapValue<ReclaimCount>) -> ReclaimCount {
    ReclaimCount {
        runs: sum.runs + cpu.runs,
        run_ns: sum.run_ns + cpu.run_ns,
        max_ns: sum.max_ns.max(cpu.max_ns),
        visits: sum.visits + cpu.visits,
        visit_ns: sum.visit_ns + cpu.visit_ns,
        scanned_pages: sum.scanned_pages + cpu.scanned_pages,
        reclaimed_pages: sum.reclaimed_pages + cpu.reclaimed_pages,
    }
}
