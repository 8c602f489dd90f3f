//! Verdicts on what takes memory: the dead, the abandoned, and slab.

use std::cmp::Reverse;

use super::subject::kept_bytes;
use super::verdict::{State, Verdict};
use crate::model::abandoned::{self, Class, LEAST_AGE_NS};
use crate::model::origins::{self, Origin};
use crate::model::snapshot::slab::part;
use crate::model::snapshot::{SlabCache, Snapshot};
use crate::output::{dying, names};
use crate::units::{self, PAGE_BYTES};

/// Below this, half of the memory of slabs is empty.
const HALF: f64 = 0.5;

/// Says how much the dead keep, and where most of them come from.
pub(super) fn zombies(snapshot: &Snapshot) -> Verdict {
    let memcgs = &snapshot.memcgs;
    if let Some(unknown) = Verdict::unknown(memcgs) {
        return unknown;
    }
    let others = snapshot.dying.as_deref().and_then(dying::count);
    let others = others
        .map(|others| format!("; {others}"))
        .unwrap_or_default();
    let seen = units::things(memcgs.items.len() as u64, "memcg");
    let origins = origins::list(snapshot);
    let dead = origins.iter().map(|one| one.zombies);
    let dead = dead.fold(0, u64::saturating_add);
    let state = match (memcgs.truncated_at, dead) {
        (_, 1..) => State::Look,
        (Some(_), 0) => State::Unknown,
        (None, 0) => State::Good,
    };
    let Some(most) = origins.iter().max_by_key(|one| Reverse(rank(one))) else {
        return Verdict::new(state, format!("none among {seen}{others}"));
    };
    let is_part = origins.iter().any(|one| one.unmeasured > 0);
    let kept = match (kept_bytes(snapshot), is_part) {
        (Some(bytes), false) => format!("{} {}", keep(dead), units::bytes(Some(bytes))),
        (Some(bytes), true) => format!("{} {} or more", keep(dead), units::bytes(Some(bytes))),
        (None, _) => format!("{dead}; what they keep is not known"),
    };
    let origin = names::origin(&most.parent, &most.name);
    let part = match most.zombies == dead {
        true => "all".to_owned(),
        false => format!("most: {}", units::count(Some(most.zombies))),
    };
    let text = format!("{kept}, {part} {origin}{others}");
    Verdict::new(state, text).about(origin)
}

fn keep(count: u64) -> String {
    match count {
        1 => "1 keeps".to_owned(),
        count => format!("{} keep", units::count(Some(count))),
    }
}

/// The order of origins: by what they keep, then by their number.
fn rank(origin: &Origin) -> Reverse<(Option<u64>, u64)> {
    let pages = origin.kept_bytes;
    let kept = match (pages, origin.own_cost_bytes) {
        (None, None) => None,
        (pages, own) => Some(pages.unwrap_or(0).saturating_add(own.unwrap_or(0))),
    };
    Reverse((kept, origin.zombies))
}

/// Live cgroups that look abandoned.
pub(super) fn abandoned(snapshot: &Snapshot) -> Verdict {
    if let Some(unknown) = Verdict::unknown(&snapshot.memcgs) {
        return unknown;
    }
    let empties = abandoned::list(snapshot, LEAST_AGE_NS);
    let of = |class: Class| empties.groups.iter().filter(move |one| one.class == class);
    if let Some(worst) = of(Class::Abandoned).max_by_key(|one| one.usage_bytes) {
        let count = of(Class::Abandoned).map(|one| one.cgroups);
        let count = count.fold(0, u64::saturating_add);
        let bytes = of(Class::Abandoned).filter_map(|one| one.usage_bytes);
        let bytes = units::bytes(Some(bytes.fold(0, u64::saturating_add)));
        let origin = names::origin(&worst.parent, &worst.name);
        let text = format!("{} {bytes}, most: {} {origin}", keep(count), worst.cgroups);
        return Verdict::new(State::Look, text).about(origin);
    }
    match (empties.empty, empties.abandoned) {
        (_, Some(_)) => {
            let count = |is_counted: fn(Class) -> bool| {
                let groups = empties.groups.iter().filter(|one| is_counted(one.class));
                groups.map(|one| one.cgroups).fold(0, u64::saturating_add)
            };
            let unjudged = |class: Class| matches!(class, Class::NotChecked | Class::Young);
            let unchecked = count(|class| class == Class::NotChecked);
            let all = units::things(count(|_| true), "cgroup");
            let but = match count(unjudged) {
                0 => String::new(),
                some => format!("; {some} too young or not looked at"),
            };
            let state = match unchecked {
                0 => State::Good,
                _ => State::Unknown,
            };
            Verdict::new(state, format!("none among {all} without tasks{but}"))
        }
        (Some(0), None) => Verdict::new(State::Good, "each cgroup has tasks in or below it"),
        (Some(empty), None) => {
            let empty = units::things(empty, "cgroup");
            let text = format!("{empty} without tasks; who uses them was not asked (r there)");
            Verdict::new(State::Unknown, text)
        }
        (None, None) => Verdict::new(State::Unknown, "not known which cgroups have tasks"),
    }
}

/// Says how much slab there is, and how much of it is in use.
pub(super) fn slab(snapshot: &Snapshot) -> Verdict {
    let caches = &snapshot.slab_caches;
    if let Some(unknown) = Verdict::unknown(caches) {
        return unknown;
    }
    let sum = |figure: fn(&SlabCache) -> u64| {
        let figures = caches.items.iter().map(figure);
        figures.fold(0, u64::saturating_add)
    };
    let (live, slabs) = (sum(SlabCache::live_bytes), sum(SlabCache::slab_bytes));
    let freeable = caches.items.iter().filter_map(|cache| {
        let pages = cache.freeable_pages()?;
        Some((pages.saturating_mul(PAGE_BYTES), cache))
    });
    let worst = freeable.max_by_key(|(bytes, _)| *bytes);
    let worst = worst.filter(|(bytes, _)| *bytes > 0);
    let worst = worst.map(|(bytes, cache)| {
        let bytes = units::bytes(Some(bytes));
        format!(", {bytes} empty in {}", cache.name.display())
    });
    let state = match part(live, slabs) {
        Some(part) if part < HALF => State::Look,
        _ if caches.truncated_at.is_some() => State::Unknown,
        _ => State::Good,
    };
    let used = live.saturating_mul(100).checked_div(slabs).unwrap_or(100);
    let bound = match caches.truncated_at {
        Some(_) => " in the part that was walked",
        None => "",
    };
    let text = format!(
        "{}{bound}, {used}% in use{}",
        units::bytes(Some(slabs)),
        worst.unwrap_or_default()
    );
    Verdict::new(state, text)
}
