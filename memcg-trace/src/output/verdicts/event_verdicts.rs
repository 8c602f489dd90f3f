//! Verdicts on what happens: waits, deadlocks, reclaim and shrinkers.

use super::verdict::{State, Verdict};
use crate::model::snapshot::{Outcome, Reclaim, Section, Shrinker, Snapshot};
use crate::output::{locks, names, summary};
use crate::sample::sanitized;
use crate::units;

/// A wait that lasts longer is worth a look.
const LONG_NS: u64 = 1_000_000_000;
/// The kernel itself reports a task that does not run for longer (`hung_task_timeout_secs`).
const HUNG_NS: u64 = 120_000_000_000;
/// A hundredth of one task's time: less is no reason to look.
const LEAST_STALL_NS_PER_SEC: f64 = 1e7;
/// As much as one task that does nothing else but wait.
const WHOLE_TASK_NS_PER_SEC: f64 = 1e9;

pub(super) fn deadlocks(snapshot: &Snapshot) -> Verdict {
    if let Some(line) = summary::deadlock(snapshot) {
        let (_, text) = line.split_once(": ").unwrap_or(("", &line));
        return Verdict::new(State::Bad, text);
    }
    if let Some(unknown) = Verdict::unknown(&snapshot.deadlocks) {
        return unknown;
    }
    let Some(judged) = &snapshot.judged else {
        return Verdict::new(State::Unknown, "not known: nobody asked so far");
    };
    let state = match judged.outcome {
        Outcome::Deadlock => State::Bad,
        Outcome::Undecided => State::Look,
        Outcome::NoDeadlock => State::Good,
    };
    let age_ns = snapshot.mono_ns.saturating_sub(judged.as_of_ns);
    let text = format!(
        "{}, as of {} ago, of {}",
        locks::verdict(snapshot, judged),
        units::duration(Some(age_ns)),
        units::things(judged.visited_tasks, "task")
    );
    Verdict::new(state, text)
}

/// The longest wait, and who would have to act for it to end.
pub(super) fn waits(snapshot: &Snapshot) -> Verdict {
    let (waits, reclaim) = (&snapshot.lock_waits, &snapshot.reclaim);
    let mut all: Vec<(u64, String)> = Vec::new();
    let for_locks = waits.items.iter().filter(|one| !one.facts.unconfirmed);
    all.extend(for_locks.map(|wait| {
        let what = names::lock_of_wait(wait, snapshot);
        let owner = wait.facts.owner.as_ref();
        let owner = owner.map(|owner| format!(", held by {}", names::task(Some(owner))));
        let task = names::task(Some(&wait.facts.task));
        let text = format!("{task} for {what}{}", owner.unwrap_or_default());
        (wait.waited_ns, text)
    }));
    let stalls = reclaim.items.iter().flat_map(|row| &row.stalls);
    all.extend(stalls.filter(|stall| !stall.unconfirmed).map(|stall| {
        let waited_ns = snapshot.mono_ns.saturating_sub(stall.since_ns);
        let task = names::task(Some(&stall.task));
        (waited_ns, format!("{task} for memory to be reclaimed"))
    }));
    let not_known = [("locks", absence(waits)), ("reclaim", absence(reclaim))];
    let not_known: Vec<String> = not_known
        .iter()
        .filter_map(|(of, why)| Some(format!("for {of} not known: {}", why.as_ref()?)))
        .collect();
    let Some((waited_ns, text)) = all.iter().max_by_key(|(waited_ns, _)| *waited_ns) else {
        let unconfirmed = unconfirmed_waits(snapshot);
        let text = match (not_known.is_empty(), unconfirmed) {
            (false, _) => not_known.join(", "),
            (true, 1..) => format!("{} not confirmed", units::things(unconfirmed, "wait")),
            (true, 0) => {
                let text = "no wait that was seen to begin is in progress";
                let is_whole = waits.truncated_at.is_none() && reclaim.truncated_at.is_none();
                let state = if is_whole {
                    State::Good
                } else {
                    State::Unknown
                };
                return Verdict::new(state, text);
            }
        };
        return Verdict::new(State::Unknown, text);
    };
    let state = match *waited_ns {
        HUNG_NS.. => State::Bad,
        LONG_NS.. => State::Look,
        _ if not_known.is_empty() => State::Good,
        _ => State::Unknown,
    };
    let longest = format!("{} {text}", units::duration(Some(*waited_ns)));
    let others = all.len() - 1;
    let others = (others > 0).then(|| format!("{others} more wait"));
    let parts = std::iter::once(longest).chain(others).chain(not_known);
    Verdict::new(state, parts.collect::<Vec<_>>().join("; "))
}

/// Counts waits whose tasks ran when it was looked at whether they still wait.
fn unconfirmed_waits(snapshot: &Snapshot) -> u64 {
    let for_locks = snapshot.lock_waits.items.iter();
    let for_locks = for_locks.filter(|wait| wait.facts.unconfirmed).count();
    let stalls = { snapshot.reclaim.items.iter() }.flat_map(|row| &row.stalls);
    let for_memory = stalls.filter(|stall| stall.unconfirmed).count();
    (for_locks + for_memory) as u64
}

fn absence<T>(section: &Section<T>) -> Option<String> {
    let reason = section.reason.as_ref()?;
    Some(sanitized(reason).into_owned())
}

/// Says whose tasks wait most for memory, and whose limit it is.
pub(super) fn reclaim(snapshot: &Snapshot) -> Verdict {
    if let Some(unknown) = Verdict::unknown(&snapshot.reclaim) {
        return unknown;
    }
    let rows = &snapshot.reclaim.items;
    let in_progress = rows.iter().map(|row| row.stalls.len()).sum::<usize>();
    let waiting = match in_progress {
        0 => String::new(),
        count => format!("; {} now", units::things(count as u64, "task")),
    };
    let stall = |row: &Reclaim| row.stall_ns_per_sec.unwrap_or(0.0);
    let worst = rows.iter().max_by(|a, b| stall(a).total_cmp(&stall(b)));
    let Some(worst) = worst.filter(|row| stall(row) > 0.0) else {
        let Some(interval_ns) = snapshot.interval_ns else {
            return Verdict::new(State::Unknown, "not known: needs two samples");
        };
        let interval = units::duration(Some(interval_ns));
        let state = match in_progress {
            0 => State::Good,
            _ => State::Look,
        };
        let text = format!("no wait for memory was seen to end in the last {interval}{waiting}");
        return Verdict::new(state, text);
    };
    let limit = match worst.limited_by {
        Some(_) => format!(", limit of {}", names::limited_by(worst)),
        None => String::new(),
    };
    let state = match rows.iter().map(stall).sum::<f64>() {
        sum if sum >= WHOLE_TASK_NS_PER_SEC => State::Bad,
        sum if sum >= LEAST_STALL_NS_PER_SEC || in_progress > 0 => State::Look,
        _ => State::Good,
    };
    let text = format!(
        "{} a second waits {}{limit} ({}){waiting}",
        units::time_share(worst.stall_ns_per_sec),
        names::path(worst.memcg.as_deref()),
        names::cause(worst.count.cause),
    );
    Verdict::new(state, text).about(names::path(worst.memcg.as_deref()))
}

/// Says how much is scanned, and how much of that is freed.
pub(super) fn shrinkers(snapshot: &Snapshot) -> Verdict {
    if let Some(unknown) = Verdict::unknown(&snapshot.shrinkers) {
        return unknown;
    }
    let Some(interval_ns) = snapshot.interval_ns else {
        return Verdict::new(State::Unknown, "not known: needs two samples");
    };
    let rows = &snapshot.shrinkers.items;
    let rate = |row: &Shrinker| row.scanned_per_sec.unwrap_or(0.0);
    let busiest = rows.iter().max_by(|a, b| rate(a).total_cmp(&rate(b)));
    let Some(busiest) = busiest.filter(|row| rate(row) > 0.0) else {
        let interval = units::duration(Some(interval_ns));
        let text = format!("no scan was seen in the last {interval}");
        let is_whole = snapshot.shrinkers.truncated_at.is_none();
        let state = if is_whole {
            State::Good
        } else {
            State::Unknown
        };
        return Verdict::new(state, text);
    };
    let total = |figure: fn(&Shrinker) -> u64| rows.iter().map(figure).fold(0, u64::saturating_add);
    let scanned = total(|row| row.count.scanned_objects_total);
    let freed = total(|row| row.count.freed_objects_total);
    let freed = match freed.saturating_mul(100).checked_div(scanned) {
        Some(percent) => format!(", {percent}% freed since the start"),
        None => String::new(),
    };
    let text = format!(
        "{} objects a second scanned{freed}; most by {}",
        units::rate(Some(rows.iter().map(rate).sum())),
        names::shrinker(busiest)
    );
    Verdict::new(State::Good, text)
}
