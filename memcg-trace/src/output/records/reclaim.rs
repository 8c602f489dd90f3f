//! Figures of reclaim.

use crate::model::snapshot::{self, MemcgId, Reclaim};
use crate::output::figures::{Limit, Name, Rounded, Row, Tied, Visitor, record};
use crate::output::names;
use crate::output::records::waits::TaskName;
use crate::output::records::{MemcgName, Recent, ReclaimCause};
use crate::sample::reclaim::{Stall as StallFacts, StalledTask as TaskFacts};

/// Maximum number of tasks in a row that wait at the moment.
const MAX_STALLS: usize = 8;

impl Row for Reclaim {
    const MEANING: &'static str =
        "Reclaim for one cause, under one limit, as far as it concerns one memory cgroup.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.part(|row| MemcgName::of(row.memcg.as_deref()));
        to.figure(
            "cause",
            "CAUSE",
            "The cause of reclaim: kswapd, direct (no page was free), a limit (high, max), or somebody \
             asked for it (proactive, drop_caches); null or - where it is not known.",
            |row| ReclaimCause(row.count.cause),
        );
        to.figure(
            "stalls_total",
            "STALLS",
            "Times that a task had to wait for memory to be reclaimed.",
            |row| row.count.stalls_total,
        );
        to.figure("stall_ns_total", "TIME", "How long they waited.", |row| {
            row.count.stall_ns_total
        });
        to.figure(
            "p50_ns",
            "P50",
            "The median wait; within an eighth.",
            |row| row.count.p50_ns,
        );
        to.figure(
            "p99_ns",
            "P99",
            "What one wait in a hundred is longer than.",
            |row| row.count.p99_ns,
        );
        to.figure("max_ns", "MAX", "The longest wait.", |row| row.count.max_ns);
        to.figure(
            "scanned_pages_total",
            "SCANNED",
            "Its pages that were scanned.",
            |row| row.counts_pages.then_some(row.count.scanned_pages_total),
        );
        to.figure(
            "reclaimed_pages_total",
            "TAKEN",
            "Its pages that were reclaimed.",
            |row| row.counts_pages.then_some(row.count.reclaimed_pages_total),
        );
        to.column("yield", "YIELD", "Reclaimed of what was scanned.", |row| {
            Rounded(row.efficiency())
        });
        to.field(
            "limited_by_path",
            "The memory cgroup that has the limit; null where no limit is.",
            |row| {
                Name::of(
                    limit(row)
                        .map(|id| &id.path)
                        .filter(|path| !path.is_empty()),
                )
            },
        );
        to.column(
            "limited_by",
            "LIMIT OF",
            "The memory cgroup that has the limit: own, or an ancestor.",
            names::limited_by,
        );
        to.field("limited_by_serial_nr", "Its `serial_nr`.", |row| {
            limit(row).map(|id| id.serial_nr)
        });
        to.figure(
            "throttles_total",
            "SLEEPS",
            "Sleeps over `memory.high`.",
            |row| row.counts_throttles.then_some(row.count.throttles_total),
        );
        to.field("throttle_ns_total", "How long those took.", |row| {
            row.counts_throttles.then_some(row.count.throttle_ns_total)
        });
        to.field(
            "background_total",
            "Reclaim that no task waited for.",
            |row| row.count.background_total,
        );
        to.figure(
            "background_ns_total",
            "BACKGROUND",
            "Time of reclaim that no task waited for: by kswapd, and by workers of the kernel.",
            |row| row.count.background_ns_total,
        );
        to.field(
            "visits_total",
            "Times that its pages were gone through.",
            |row| row.counts_pages.then_some(row.count.visits_total),
        );
        to.field("visit_ns_total", "How long that took.", |row| {
            row.counts_pages.then_some(row.count.visit_ns_total)
        });
        to.figure(
            "stall_ns_per_sec",
            "STALL/S",
            "Time that its tasks waited in a second, over the last interval.",
            |row| {
                let ties = [row.count.stall_ns_total, row.count.background_ns_total];
                Tied(Rounded(row.stall_ns_per_sec), ties)
            },
        );
        to.column(
            "recent_stall_ns",
            "RECENT",
            "Time waited in each of the last intervals.",
            |row| Recent(&row.recent_stall_ns),
        );
        to.figure(
            "usage_bytes",
            "USAGE",
            "`memory.current`, as of the last walk.",
            |row| row.usage_bytes,
        );
        to.figure("high_bytes", "HIGH", "Its `memory.high`.", |row| {
            Limit(row.high_bytes)
        });
        to.figure("max_bytes", "MAX", "Its `memory.max`.", |row| {
            Limit(row.max_bytes)
        });
        to.figure(
            "headroom_bytes",
            "HEADROOM",
            "How far the usage is below the lower limit; negative beyond it.",
            Reclaim::headroom_bytes,
        );
        to.figure(
            "psi_some_ns_total",
            "PSI SOME",
            "Time in which some task waited for memory, by the kernel's own account.",
            |row| row.pressure.map(|pressure| pressure.some_ns_total),
        );
        to.figure(
            "psi_full_ns_total",
            "PSI FULL",
            "Time in which all did.",
            |row| row.pressure.map(|pressure| pressure.full_ns_total),
        );
        to.field(
            "worst_tasks",
            "Its tasks that waited longest, for any cause.",
            |row| {
                row.worst_tasks
                    .iter()
                    .map(StalledTask::of)
                    .collect::<Vec<_>>()
            },
        );
        to.field(
            "high_unlimited",
            "Whether `high_bytes` means no limit.",
            |row| snapshot::is_unlimited(row.high_bytes),
        );
        to.field(
            "max_unlimited",
            "Whether `max_bytes` means no limit.",
            |row| snapshot::is_unlimited(row.max_bytes),
        );
        to.field("stalls_now", "Tasks that wait at the moment.", |row| {
            row.stalls.len()
        });
        to.field(
            "stalled_now",
            "The first of them, the longest wait first.",
            |row| {
                row.stalls
                    .iter()
                    .take(MAX_STALLS)
                    .map(Stall::of)
                    .collect::<Vec<_>>()
            },
        );
    }
}

fn limit(row: &Reclaim) -> Option<&MemcgId> {
    row.limited_by.as_deref()
}

record! {
    /// A task that waited for memory.
    pub(in crate::output) struct StalledTask<'a> {
        /// Process id.
        pid: u32,
        /// Thread id.
        tid: u32,
        /// Its name.
        comm: Name<'a>,
        /// Name and thread id.
        @column task: TaskName<'a> => "TASK",
        /// Number of its waits.
        stalls_total: u64 => "STALLS",
        /// Time of its waits.
        stall_ns_total: u64 => "TIME",
        /// The longest wait.
        max_ns: u64 => "MAX",
    }
}

impl<'a> StalledTask<'a> {
    pub(in crate::output) fn of(task: &'a TaskFacts) -> Self {
        Self {
            pid: task.pid,
            tid: task.tid,
            comm: Name::of(Some(&task.comm)),
            task: TaskName::of(task.tid, &task.comm),
            stalls_total: task.stalls_total,
            stall_ns_total: task.stall_ns_total,
            max_ns: task.max_ns,
        }
    }
}

record! {
    /// A task that has been waiting for a while.
    pub(in crate::output) struct Stall<'a> {
        /// Process id.
        pid: Option<u32>,
        /// Thread id.
        tid: u32,
        /// Its name.
        comm: Name<'a>,
        /// Name and thread id.
        @column task: TaskName<'a> => "WAITS NOW",
        /// When the wait began, CLOCK_MONOTONIC.
        since_ns: u64,
        /// Whether it sleeps over `memory.high`.
        is_throttled: bool,
        /// Whether the wait may be over.
        unconfirmed: bool,
    }
}

impl<'a> Stall<'a> {
    pub(in crate::output) fn of(stall: &'a StallFacts) -> Self {
        Self {
            pid: stall.task.pid,
            tid: stall.task.tid,
            comm: Name::of(Some(&stall.task.comm)),
            task: TaskName::of(stall.task.tid, &stall.task.comm),
            since_ns: stall.since_ns,
            is_throttled: stall.is_throttled,
            unconfirmed: stall.unconfirmed,
        }
    }
}
