//! The sentence of a group of zombies, and the advice that many of them share.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::hash::Hash;

use super::origin::{Origin, PinnedBy, Shared};
use crate::model::pins::words::{counted, grouped, object, user_of_unit};
use crate::model::snapshot::{Action, Advice, Pins};
use crate::sample::Text;
use crate::sample::pins::{Object, ObjectKind, Pin};

/// Most pieces of advice of a group.
const MAX_ADVICE: usize = 3;

/// Returns the line.
pub(super) fn sentence(origin: &Origin, pins: &[&Pins]) -> String {
    let path = match origin.parent.as_bytes() {
        b"/" => format!("/{}", origin.name.display()),
        _ => format!("{}/{}", origin.parent.display(), origin.name.display()),
    };
    let verb = if origin.zombies == 1 { "is" } else { "are" };
    let [count, all] = [origin.zombies, origin.of_zombies].map(grouped);
    let mut text = format!("{count} of {all} {verb} {path}; ");
    match origin.pinned_by {
        PinnedBy::NotAsked => text += "nobody asked what pins them",
        PinnedBy::Nothing => text += "nothing was found that pins them",
        PinnedBy::Kind(kind) => {
            let own: Vec<(&Pins, &Pin)> = pins
                .iter()
                .filter_map(|pins| Some((*pins, pins.found.pins.first()?)))
                .collect();
            let refs = own.iter().map(|(_, pin)| pin.refs);
            let refs = refs.fold(0, u64::saturating_add);
            let _ = write!(text, "pinned by {}", counted(kind, refs));
            text += &held(&own);
            text += &others(&own, refs);
        }
    }
    text
}

/// Returns the number of references of other kinds, and of those that were not found.
fn others(own: &[(&Pins, &Pin)], refs: u64) -> String {
    let all = own.iter().map(|(pins, _)| pins.found.refs);
    let all: Option<u64> = all.map(|refs| u64::try_from(refs?).ok()).sum();
    match all.map(|all| all.saturating_sub(refs)) {
        None => "; their references are not all known".to_owned(),
        Some(0) => String::new(),
        Some(1) => "; and by 1 more reference".to_owned(),
        Some(more) => format!("; and by {} more references", grouped(more)),
    }
}

/// Returns the object that pins most of them, and who holds it.
fn held(own: &[(&Pins, &Pin)]) -> String {
    let objects = own.iter().map(|(pins, pin)| {
        let named = pin.objects.iter().filter(|object| is_named(object));
        named.map(|one| object(pins, one)).collect()
    });
    let Some((name, members)) = most_common(objects) else {
        return String::new();
    };
    let mut text = format!(" of {name}");
    if members < own.len() {
        let _ = write!(text, " in {} of them", grouped(members as u64));
    }
    let users = own.iter().map(|(pins, pin)| {
        let of_it = pin.objects.iter().filter(|one| object(pins, one) == name);
        let users = of_it.flat_map(|one| &one.users);
        users.map(|user| user_of_unit(pins, user)).collect()
    });
    if let Some((user, holds)) = most_common(users) {
        let _ = write!(text, ", held by {user}");
        if holds < members {
            let _ = write!(text, " in {}", grouped(holds as u64));
        }
    }
    text
}

/// Returns whether an object has a name that means the same in all zombies.
fn is_named(object: &Object) -> bool {
    !matches!(
        object.kind,
        ObjectKind::PrivateAnon | ObjectKind::SharedAnon | ObjectKind::Unknown
    )
}

/// Returns what most members have, and their number.
fn most_common<T: Eq + Hash + Ord>(
    members: impl Iterator<Item = HashSet<T>>,
) -> Option<(T, usize)> {
    let mut counts: HashMap<T, usize> = HashMap::new();
    for one in members.flatten() {
        *counts.entry(one).or_default() += 1;
    }
    let found = counts.into_iter();
    found.max_by(|(a, of_a), (b, of_b)| of_a.cmp(of_b).then_with(|| b.cmp(a)))
}

/// Returns the advice that many zombies share.
pub(super) fn advice(pins: &[&Pins]) -> Vec<Shared> {
    let mut shared: HashMap<Vec<(Action, Option<&Text>)>, Shared> = HashMap::new();
    for pins in pins {
        let mut seen = HashSet::new();
        for steps in pins.advice.chunk_by(|_, next| next.step > 1) {
            let key: Vec<_> = steps
                .iter()
                .map(|step| (step.action, step.target.as_ref()))
                .collect();
            let is_new = seen.insert(key.clone());
            if let Some(known) = shared.get_mut(&key) {
                known.zombies += u64::from(is_new);
                for (sum, step) in known.steps.iter_mut().zip(steps) {
                    add(sum, step);
                }
            } else {
                let steps = steps.to_vec();
                shared.insert(key, Shared { steps, zombies: 1 });
            }
        }
    }
    let mut shared: Vec<_> = shared.into_iter().collect();
    shared.sort_by(|(a_key, a), (b_key, b)| {
        let is_any = |one: &Shared| one.steps[0].action != Action::Nothing;
        let size = |one: &Shared| Reverse((is_any(one), one.zombies, one.steps[0].frees.refs));
        size(a).cmp(&size(b)).then_with(|| a_key.cmp(b_key))
    });
    let first = shared.into_iter().take(MAX_ADVICE);
    first.map(|(_, shared)| shared).collect()
}

fn add(sum: &mut Advice, step: &Advice) {
    let both = |a: Option<u64>, b: Option<u64>| Some(a?.saturating_add(b?));
    sum.amount_bytes = both(sum.amount_bytes, step.amount_bytes);
    sum.frees.refs = sum.frees.refs.saturating_add(step.frees.refs);
    sum.frees.of_refs = both(sum.frees.of_refs, step.frees.of_refs);
    sum.frees.bytes = both(sum.frees.bytes, step.frees.bytes);
    sum.frees.at_most |= step.frees.at_most;
    sum.class = sum.class.max(step.class);
}
