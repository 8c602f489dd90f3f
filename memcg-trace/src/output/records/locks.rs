//! Records of locks.

use std::borrow::Cow;

use super::MemcgName;
use super::waits::{Resource, stack};
use crate::model::snapshot::{self, LockStats};
use crate::output::figures::{Name, Order, Row, Shown, Unit, Visitor, Word, record};
use crate::output::names;
use crate::sample::{self, Mode};
use crate::units;

/// Maximum number of memcgs of waiters, of stacks and of holders in a record.
const MAX_LISTED: usize = 5;

record! {
    /// A memory cgroup whose tasks waited.
    struct LockMemcg<'a> {
        @part memcg: MemcgName<'a>,
        /// Waits of its tasks.
        waits_total: u64,
        /// Their time.
        wait_ns_total: u64,
    }
}

record! {
    /// Where it was released while others waited: samples.
    struct LockStack<'a> {
        /// How often it was seen.
        seen_total: u64,
        /// Functions, innermost first.
        stack: Option<Vec<Cow<'a, str>>>,
    }
}

record! {
    /// How a lock was held in one mode.
    struct Held<'a> {
        /// How it was held.
        mode: Word<Mode>,
        /// Number of holds.
        holds_total: u64,
        /// Time of all holds.
        hold_ns_total: u64,
        /// The median hold.
        p50_ns: Option<u64>,
        /// 99th percentile of the holds.
        p99_ns: Option<u64>,
        /// The longest hold.
        max_ns: u64,
        /// Tasks that have it now.
        holders: Vec<Holder<'a>>,
        /// Number of holders that are not listed.
        holders_omitted: u64,
    }
}

record! {
    /// A task that has a lock.
    struct Holder<'a> {
        /// Process id.
        pid: Option<u32>,
        /// Thread id.
        tid: u32,
        /// Name of the task.
        comm: Name<'a>,
        @part memcg: MemcgName<'a>,
        /// When it took the lock, CLOCK_MONOTONIC.
        since_ns: u64,
        /// Stack when it took the lock, innermost function first.
        stack: Option<Vec<Cow<'a, str>>>,
        /// Whether fewer tasks have it than were seen to take it, so that this one may not.
        unconfirmed: bool,
    }
}

impl Row for LockStats {
    const MEANING: &'static str = "Ended waits for a lock since the start, and how it is held.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.field("resource", "Which lock.", |row| {
            Resource::from(&row.resource)
        });
        to.column("lock", "LOCK", "Its symbol, else its address.", |row| {
            Lock(&row.resource)
        });
        to.column("kind", "KIND", "Kind of the lock.", |row| {
            Word(row.resource.kind)
        });
        to.figure("waits_total", "WAITS", "Waits that ended.", |row| {
            row.waits_total
        });
        to.figure(
            "wait_ns_total",
            "TIME",
            "Time that tasks waited for it.",
            |row| row.wait_ns_total,
        );
        to.figure(
            "p50_ns",
            "P50",
            "The median wait; within an eighth.",
            |row| row.p50_ns,
        );
        to.figure(
            "p99_ns",
            "P99",
            "What one wait in a hundred is longer than.",
            |row| row.p99_ns,
        );
        to.figure("max_ns", "MAX", "The longest wait.", |row| row.max_ns);
        to.field(
            "top_memcgs",
            "The memory cgroups that waited longest for it.",
            |row| {
                let memcgs = row.memcgs.iter().take(MAX_LISTED).map(|memcg| LockMemcg {
                    memcg: MemcgName::of(memcg.memcg.as_deref()),
                    waits_total: memcg.waits_total,
                    wait_ns_total: memcg.wait_ns_total,
                });
                memcgs.collect::<Vec<_>>()
            },
        );
        to.column(
            "most_by",
            "MOST BY",
            "The memory cgroup that waited longest for it.",
            most_by,
        );
        to.field(
            "top_stacks",
            "Where it is released while others wait; null where that is not observed.",
            |row| {
                let releases = row.releases.as_ref()?;
                let top = releases.iter().take(MAX_LISTED).map(|release| LockStack {
                    seen_total: release.seen_total,
                    stack: stack(&release.stack),
                });
                Some(top.collect::<Vec<_>>())
            },
        );
        to.figure(
            "unmeasured_total",
            "UNMEASURED",
            "Waits whose length is not known, which the time leaves out.",
            |row| row.unmeasured_total,
        );
        to.field(
            "holds",
            "How it is held, by mode; null where that is not traced.",
            |row| {
                let holds: Vec<Held> = row.held.iter().map(Held::from).collect();
                (!holds.is_empty()).then_some(holds)
            },
        );
        to.column(
            "held_by",
            "HELD BY",
            "The task that has it now, where acquisitions are traced (--trace-acquisitions).",
            held_by,
        );
    }
}

/// The name of a lock in tables; rows are sorted by the kernel's name or address.
struct Lock<'a>(&'a sample::Resource);

impl Shown for Lock<'_> {
    const IS_NUMBER: bool = false;

    fn show(&self, _: Unit) -> String {
        names::lock(self.0)
    }

    fn order(&self) -> Order {
        let name = self.0.name.clone();
        let name = name.map_or(Order::Unknown, Order::Text);
        Order::Each(vec![Word(self.0.kind).order(), name, self.0.addr.order()])
    }
}

fn most_by(lock: &LockStats) -> String {
    names::path(lock.memcgs.first().and_then(|memcg| memcg.memcg.as_deref()))
}

/// The record of a task that has the lock, from traced events.
fn held_by(lock: &LockStats) -> String {
    let mut holders = lock.held.iter().flat_map(|held| &held.holders);
    match (lock.held.is_empty(), holders.next()) {
        (true, _) => units::UNKNOWN.to_owned(),
        (false, None) => String::new(),
        (false, Some(first)) => names::task(Some(&first.task)),
    }
}

impl<'a> From<&'a snapshot::LockHeld> for Held<'a> {
    fn from(held: &'a snapshot::LockHeld) -> Self {
        let holders = held.holders.iter().take(MAX_LISTED).map(|holder| {
            let comm = Name::of(Some(&holder.task.comm));
            Holder {
                pid: holder.task.pid,
                tid: holder.task.tid,
                comm,
                memcg: MemcgName::of(holder.memcg.as_deref()),
                since_ns: holder.since_ns,
                stack: stack(&holder.stack),
                unconfirmed: holder.unconfirmed,
            }
        });
        Self {
            mode: Word(held.mode),
            holds_total: held.holds_total,
            hold_ns_total: held.hold_ns_total,
            p50_ns: held.p50_ns,
            p99_ns: held.p99_ns,
            max_ns: held.max_ns,
            holders: holders.collect(),
            holders_omitted: held.holders.len().saturating_sub(MAX_LISTED) as u64,
        }
    }
}
