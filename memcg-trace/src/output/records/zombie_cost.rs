//! Figures of what dead memory cgroups cost those that live.

use crate::model::snapshot::Snapshot;
use crate::output::figures::{Row, Visitor, record};
use crate::sample;

record! {
    /// What dead memory cgroups cost those that live: sums since the start, but for the memory,
    /// which is taken now.
    pub struct ZombieCost {
        /// Dead memory cgroups.
        zombies: Option<u64>,
        /// Memory of the kernel that they take by themselves.
        own_cost_bytes: Option<u64>,
        @part counts: sample::ZombieCost,
    }
}

impl ZombieCost {
    /// The record of a snapshot; figures that are not known are `None`.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        Self {
            zombies: snapshot.totals.zombies,
            own_cost_bytes: snapshot.totals.own_cost_bytes,
            counts: snapshot
                .zombie_cost
                .items
                .first()
                .copied()
                .unwrap_or_default(),
        }
    }
}

impl Row for sample::ZombieCost {
    const MEANING: &'static str =
        "Sums since the start; null where this kernel does not show them.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.field(
            "reclaim_visits_total",
            "Memory cgroups that reclaim came to, each once for every NUMA node of every walk.",
            |row| row.reclaim_visits_total,
        );
        to.field("dead_reclaim_visits_total", "Of those, dead ones.", |row| {
            row.dead_reclaim_visits_total
        });
        to.field(
            "flushes_total",
            "How often the statistics of a memory cgroup and CPU were added to the parent's.",
            |row| row.flushes_total,
        );
        to.field("dead_flushes_total", "Of those, of dead ones.", |row| {
            row.dead_flushes_total
        });
        to.field(
            "dead_flush_ns_total",
            "Time that these took, where it could be measured.",
            |row| row.dead_flush_ns_total,
        );
        to.field(
            "dead_flushes_unmeasured_total",
            "How many could not be measured.",
            |row| row.dead_flushes_unmeasured_total,
        );
    }
}
