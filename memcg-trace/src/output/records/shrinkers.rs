//! Figures of shrinkers.

use crate::model::snapshot::Shrinker;
use crate::output::figures::{Name, Rounded, Row, Tied, Visitor};
use crate::output::names;
use crate::output::records::{MemcgName, Recent, ReclaimCause};
use crate::sample::sanitized;

impl Row for Shrinker {
    const MEANING: &'static str =
        "What a shrinker did for a memory cgroup on a node, for one cause, since the start.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.part(|row| MemcgName::of(row.memcg.as_deref()));
        to.column(
            "label",
            "SHRINKER",
            "Its function, file system and device.",
            names::shrinker,
        );
        to.column(
            "label_with_scope",
            "SHRINKER",
            "Its function, file system and device, and that it looks at no memcg, if so.",
            |row| match row.count.memcg_aware {
                Some(false) => format!("{} (not memcg-aware)", names::shrinker(row)),
                _ => names::shrinker(row),
            },
        );
        to.column(
            "reclaimed_for",
            "FOR",
            "The memcg that memory is reclaimed from; global is the host.",
            names::reclaimed_for,
        );
        to.field(
            "shrinker",
            "Symbol of `scan_objects`, or its address.",
            |row| sanitized(&row.shrinker),
        );
        to.field(
            "fs",
            "File system, where it is the shrinker of a superblock.",
            |row| Name::of(row.count.fs.as_ref()),
        );
        to.field("dev", "Its device, `major:minor`.", |row| {
            row.count.dev.as_deref().map(sanitized)
        });
        to.figure("node", "NODE", "NUMA node.", |row| row.count.node);
        to.field(
            "memcg_aware",
            "Whether it looks at one memcg at a time.",
            |row| row.count.memcg_aware,
        );
        to.figure(
            "cause",
            "CAUSE",
            "The cause of reclaim: kswapd, direct (no page was free), a limit (high, max), or somebody \
             asked for it (proactive, drop_caches); null or - where it is not known.",
            |row| ReclaimCause(row.count.cause),
        );
        to.figure(
            "calls_total",
            "CALLS",
            "Times it was asked whether it has something to free, where that can be observed.",
            |row| row.count.calls_total,
        );
        to.figure(
            "asked_objects_total",
            "ASKED",
            "Objects it was to scan.",
            |row| row.count.asked_objects_total,
        );
        to.figure(
            "scanned_objects_total",
            "SCANNED",
            "Objects it scanned.",
            |row| row.count.scanned_objects_total,
        );
        to.column(
            "scanned_per_sec",
            "SCAN/S",
            "Objects scanned in a second, over the last interval.",
            |row| Tied(Rounded(row.scanned_per_sec), [row.count.time_ns_total, 0]),
        );
        to.column(
            "recent_scanned",
            "RECENT",
            "Objects scanned in each of the last intervals.",
            |row| Recent(&row.recent_scanned),
        );
        to.figure("freed_objects_total", "FREED", "Objects it freed.", |row| {
            row.count.freed_objects_total
        });
        to.figure("time_ns_total", "TIME", "Time spent in it.", |row| {
            row.count.time_ns_total
        });
        to.figure(
            "p50_ns",
            "P50",
            "The median of its runs; within an eighth.",
            |row| row.count.p50_ns,
        );
        to.figure(
            "p99_ns",
            "P99",
            "What one run in a hundred is longer than; within an eighth.",
            |row| row.count.p99_ns,
        );
        to.figure("max_ns", "MAX", "The longest run.", |row| row.count.max_ns);
        to.figure(
            "runs_total",
            "RUNS",
            "Runs that found something to free.",
            |row| row.count.runs_total,
        );
        to.figure(
            "freeable_objects",
            "FREEABLE",
            "What there was to free when the last run began.",
            |row| row.count.freeable_objects,
        );
        to.figure(
            "deferred_objects",
            "DEFERRED",
            "What was deferred to later runs when the last one ended.",
            |row| row.count.deferred_objects,
        );
        to.figure(
            "yield",
            "YIELD",
            "Freed of what was scanned, if anything was.",
            |row| Rounded(row.yielded()),
        );
        to.field(
            "runs_by_priority",
            "Runs by the priority of reclaim, from 0, the most urgent.",
            |row| &*row.count.priorities,
        );
    }
}
