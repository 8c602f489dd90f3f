//! A snapshot in a few lines, the most urgent facts first.

use std::fmt::Write as _;

use super::{dying, names};
use crate::deadlock::words;
use crate::model::snapshot::{Phase, Snapshot};
use crate::sample::sanitized;
use crate::units;

/// `lost 0`, `lost 1 of 2.1M`, `LOST 17 of 300` if that is much, and `lost ?` if the kernel does
/// not count losses.
#[must_use]
pub fn lost(snapshot: &Snapshot) -> String {
    let unknown = snapshot.losses.iter().any(|loss| loss.lost_total.is_none());
    let more = if unknown { "+?" } else { "" };
    match (snapshot.lost_total(), unknown) {
        (0, false) => "lost 0".to_owned(),
        (0, true) => "lost ?".to_owned(),
        (lost, _) => {
            let word = if snapshot.has_lost_much() {
                "LOST"
            } else {
                "lost"
            };
            let of = snapshot.counted.all().saturating_add(lost);
            let [lost, of] = [lost, of].map(|count| units::count(Some(count)));
            format!("{word} {lost}{more} of {of}")
        }
    }
}

/// Numbers of memcgs and zombies.
#[must_use]
pub fn population(snapshot: &Snapshot) -> String {
    let totals = &snapshot.totals;
    let mut text = format!(
        "{}, {}",
        units::things_known(totals.memcgs, "memcg"),
        units::things_known(totals.zombies, "zombie")
    );
    let by_phase = Phase::ALL
        .iter()
        .zip(totals.by_phase)
        .filter(|(_, count)| *count > 0);
    let phases: Vec<String> = by_phase
        .map(|(phase, count)| format!("{} {}", units::count(Some(count)), phase.as_str()))
        .collect();
    if !phases.is_empty() {
        let _ = write!(text, " ({})", phases.join(", "));
    }
    if let Some(others) = snapshot.dying.as_deref().and_then(dying::count) {
        let _ = write!(text, ", {others}");
    }
    if let Some(bound) = snapshot.memcgs.truncated_at {
        let _ = write!(text, "; the walk stopped after {bound}");
    }
    text
}

/// The cost of dead memcgs for living ones, in one line; `None` if no part of it is known.
#[must_use]
pub fn zombie_cost(snapshot: &Snapshot) -> Option<String> {
    let totals = &snapshot.totals;
    let tax = snapshot
        .zombie_cost
        .items
        .first()
        .copied()
        .unwrap_or_default();
    let memory = totals.own_cost_bytes.filter(|_| totals.zombies > Some(0));
    let memory = memory.map(|bytes| format!("{} of the kernel", units::bytes(Some(bytes))));
    // Without any visit there is no share of the dead.
    let share = |dead: Option<u64>, of: Option<u64>| Some((dead?, of.filter(|of| *of > 0)?));
    let visits = share(tax.dead_reclaim_visits_total, tax.reclaim_visits_total);
    let visits = visits.map(|(dead, of)| {
        let visits = units::noun(of, "visit");
        let [dead, of] = [dead, of].map(|count| units::count(Some(count)));
        format!("{dead} of {of} {visits} of reclaim")
    });
    let flushes = share(tax.dead_flushes_total, tax.flushes_total);
    let flushes = flushes.map(|(dead, of)| {
        let flushes = units::noun(of, "flush");
        let [dead, of] = [dead, of].map(|count| units::count(Some(count)));
        let time = units::duration(tax.dead_flush_ns_total);
        format!("{dead} of {of} {flushes} of statistics ({time} or more)")
    });
    let parts: Vec<String> = [memory, visits, flushes].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("zombies cost {}", parts.join(", ")))
}

/// One line for each absent section.
#[must_use]
pub fn absences(snapshot: &Snapshot) -> Vec<String> {
    let absences = snapshot.absences();
    let lines = absences.map(|(name, reason)| format!("no {name} figures: {}", sanitized(reason)));
    lines.chain(names_not_read(snapshot)).collect()
}

/// State files that could not be read: the first lines, and the number of the others.
pub(super) fn names_not_read(snapshot: &Snapshot) -> impl Iterator<Item = String> {
    const SHOWN: usize = 2;
    let lines = snapshot.names_not_read.iter();
    let more = lines.len().saturating_sub(SHOWN);
    let shown = lines.take(SHOWN).map(|line| sanitized(line).into_owned());
    let more = (more > 0).then(|| format!("{more} more, which --json lists"));
    shown
        .chain(more)
        .map(|line| format!("names not read: {line}"))
}

/// The worst unresolved finding, in one line; `None` if there is none.
#[must_use]
pub fn worst_finding(snapshot: &Snapshot) -> Option<String> {
    let findings = snapshot.findings.items.iter();
    let mut open = findings.filter(|finding| !finding.resolved);
    let worst = open.next()?;
    let mut text = format!("{}: {}", worst.severity.as_str(), worst.sentence);
    let others = open.count();
    if others > 0 {
        let _ = write!(
            text,
            "; {others} more {}",
            units::noun(others as u64, "finding")
        );
    }
    Some(text)
}

/// The unresolved deadlock, in one line; `None` if none is proven.
#[must_use]
pub fn deadlock(snapshot: &Snapshot) -> Option<String> {
    let all = snapshot.deadlocks.items.iter();
    let mut standing = all.filter(|one| one.is_confirmed());
    let first = &standing.next()?.found;
    let cycle = first.edges.iter().take(first.cycle_edges);
    let tasks = cycle.filter_map(|edge| first.members.get(edge.from));
    let mut tasks: Vec<String> = tasks.map(words::task).collect();
    tasks.extend(tasks.first().cloned());
    let mut text = format!("DEADLOCK: {} wait for ever", tasks.join(" -> "));
    let others = standing.count();
    if others > 0 {
        let _ = write!(
            text,
            "; {others} more {}",
            units::noun(others as u64, "deadlock")
        );
    }
    Some(text)
}

/// The longest wait, in one line.
#[must_use]
pub fn longest_wait(snapshot: &Snapshot) -> String {
    let waits = &snapshot.lock_waits;
    if !waits.is_known() {
        return "locks: not known".to_owned();
    }
    let Some(longest) = waits
        .items
        .iter()
        .max_by_key(|wait| (!wait.facts.unconfirmed, wait.waited_ns))
    else {
        return "locks: no waits".to_owned();
    };
    let mut text = format!(
        "locks: {} waits {} for {}",
        names::task(Some(&longest.facts.task)),
        units::duration(Some(longest.waited_ns)),
        names::lock_of_wait(longest, snapshot),
    );
    if longest.facts.owner.is_some() {
        let _ = write!(
            text,
            ", held by {}",
            names::task(longest.facts.owner.as_ref())
        );
    }
    if waits.items.len() > 1 {
        let _ = write!(text, "; {} wait", waits.items.len());
    }
    text
}
