//! Statistics of locks, for people: waits, and holders that keep others waiting.

use std::fmt::Write as _;

use super::names;
use super::table::{Table, figure};
use crate::model::snapshot::{LockHeld, LockHolder, LockStats, Snapshot};
use crate::sample::{Mode, sanitized};
use crate::units;

/// Maximum number of locks in the details, and of stacks of each.
const MAX_LOCKS: usize = 5;
const MAX_STACKS: usize = 3;

/// Locks that are always shown.
const ALWAYS: &[&str] = &["cgroup_mutex", "mem_hotplug_lock"];

/// A table with one row for each lock.
#[must_use]
pub fn table(locks: &[LockStats]) -> Table {
    let columns = [
        figure("lock"),
        figure("kind"),
        figure("waits_total"),
        figure("wait_ns_total"),
        figure("p50_ns"),
        figure("p99_ns"),
        figure("max_ns"),
        figure("most_by"),
    ];
    let mut rows: Vec<&LockStats> = locks.iter().collect();
    rows.sort_by_key(|lock| {
        !lock
            .resource
            .name
            .as_deref()
            .is_some_and(|name| ALWAYS.contains(&name))
    });
    Table::brief(&columns, &rows)
}

/// How locks are held, and where they are released while others wait, a line each. An indented line
/// belongs to the one before.
#[must_use]
pub fn details(snapshot: &Snapshot) -> Vec<String> {
    let mut lines = Vec::new();
    let is_shown = |lock: &&LockStats| {
        let holds = lock
            .held
            .iter()
            .any(|held| held.holds_total > 0 || !held.holders.is_empty());
        holds
            || lock
                .releases
                .as_ref()
                .is_some_and(|releases| !releases.is_empty())
    };
    for lock in snapshot
        .lock_stats
        .items
        .iter()
        .filter(is_shown)
        .take(MAX_LOCKS)
    {
        let name = names::lock(&lock.resource);
        for held in &lock.held {
            lines.push(format!("{name} was {}", held_line(held)));
            let holders = held.holders.iter().take(MAX_STACKS);
            lines.extend(holders.map(|holder| holder_line(holder, snapshot.mono_ns)));
        }
        let releases = lock.releases.iter().flatten().take(MAX_STACKS).enumerate();
        for (at, release) in releases {
            if at == 0 {
                lines.push(format!("{name}, released while others waited:"));
            }
            lines.push(format!(
                "  seen {}: {}",
                release.seen_total,
                stack(&release.stack)
            ));
        }
    }
    lines
}

fn held_line(held: &LockHeld) -> String {
    let mode = match held.mode {
        Mode::Read => "read",
        Mode::Write => "held",
    };
    let mut line = format!("{mode} {}", units::things(held.holds_total, "time"));
    if held.holds_total > 0 {
        let _ = write!(
            line,
            ", for {} in all: p50 {}, p99 {}, longest {}",
            units::duration(Some(held.hold_ns_total)),
            units::duration(held.p50_ns),
            units::duration(held.p99_ns),
            units::duration(Some(held.max_ns))
        );
    }
    line
}

fn holder_line(holder: &LockHolder, now_ns: u64) -> String {
    let by = match holder.unconfirmed {
        true => "perhaps now by",
        false => "now by",
    };
    format!(
        "  {by} {}[{}] for {}: {}",
        holder.task.comm.display(),
        holder.task.tid,
        units::duration(Some(now_ns.saturating_sub(holder.since_ns))),
        stack(&holder.stack)
    )
}

fn stack(functions: &[String]) -> String {
    if functions.is_empty() {
        return "where is not known".to_owned();
    }
    let functions: Vec<_> = functions
        .iter()
        .map(|function| sanitized(function))
        .collect();
    functions.join(" < ")
}
