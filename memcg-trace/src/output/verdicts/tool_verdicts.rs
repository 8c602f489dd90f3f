//! Verdicts on the tool itself: what it missed, and what it costs.

use super::verdict::{State, Verdict};
use crate::model::snapshot::Snapshot;
use crate::output::summary;
use crate::sample::sanitized;
use crate::units;

/// The part of one CPU above which walks of memcgs are worth a look.
const ONE_IN: u64 = 100;

pub(super) fn losses(snapshot: &Snapshot) -> Verdict {
    let lost = snapshot.losses.iter().filter_map(|loss| {
        let place = sanitized(&loss.place);
        match loss.lost_total {
            Some(0) => None,
            Some(lost) => Some(format!("{place} {}", units::count(Some(lost)))),
            None => Some(format!("{place} not known")),
        }
    });
    let places: Vec<String> = lost.collect();
    let text = match (snapshot.losses.is_empty(), places.is_empty()) {
        (true, _) => "not known: no counter was read".to_owned(),
        (false, true) => "no loss was counted".to_owned(),
        (false, false) => format!("{}: {}", summary::lost(snapshot), places.join(", ")),
    };
    let is_unknown = snapshot.losses.iter().any(|loss| loss.lost_total.is_none());
    let state = match (snapshot.has_lost_much(), is_unknown, places.is_empty()) {
        (true, _, _) => State::Bad,
        (false, true, _) => State::Unknown,
        (false, false, _) if snapshot.losses.is_empty() => State::Unknown,
        (false, false, _) => State::Good,
    };
    Verdict::new(state, text)
}

/// The time of the walks. What the probes cost is not measured while they run.
pub(super) fn own_cost(snapshot: &Snapshot) -> Verdict {
    let walks = [
        ("memcgs", snapshot.memcgs.took_ns),
        ("all slabs", snapshot.slab_caches.took_ns),
        ("all tasks", snapshot.waits.took_ns),
    ];
    let walks = walks.iter().filter_map(|(of, took_ns)| {
        let took = units::duration(Some((*took_ns)?));
        Some(format!("{of} {took}"))
    });
    let walks: Vec<String> = walks.collect();
    if walks.is_empty() {
        return Verdict::new(State::Unknown, "not known: nothing was walked yet");
    }
    let each = snapshot.memcgs.took_ns.zip(snapshot.interval_ns);
    let state = match each {
        Some((took_ns, interval_ns)) if took_ns > interval_ns / ONE_IN => State::Look,
        _ => State::Good,
    };
    let text = format!(
        "CPU time of the last walks: {}; of probes not measured",
        walks.join(", ")
    );
    Verdict::new(state, text)
}
