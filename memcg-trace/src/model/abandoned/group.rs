//! Cgroups without tasks in groups: by parent, by the shape of their names and by why they are
//! there.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use super::empty::{Class, Empties, Empty, Largest, Since};
use super::words;
use crate::model::origins::places::{self, Place};
use crate::model::origins::sum;
use crate::model::snapshot::{Memcg, Snapshot};
use crate::sample::Text;
use crate::sample::uses::{CgroupUse, CgroupUses};

/// The least age of an abandoned cgroup, unless a user names another: one that was just made may
/// get its first task soon.
pub const LEAST_AGE_NS: u64 = 60_000_000_000;

/// Ends of names of systemd's units that have no task by design: those of mounts and the like
/// have them only for a moment, slices only below them (systemd.unit(5)).
const WITHOUT_TASKS: [&[u8]; 9] = [
    b".slice",
    b".mount",
    b".automount",
    b".swap",
    b".socket",
    b".device",
    b".path",
    b".timer",
    b".target",
];

/// Returns the number of live memory cgroups without a task in or below them; `None` where that is
/// not known of all. The root is none of them.
#[must_use]
pub fn count(snapshot: &Snapshot) -> Option<u64> {
    let memcgs = &snapshot.memcgs;
    let mut alive = memcgs.items.iter().filter(|memcg| memcg.phase.is_none());
    let counted = alive.try_fold(0, |count, memcg| {
        let is_empty = !memcg.facts.has_tasks?;
        Some(count + u64::from(is_empty && !is_root(memcg)))
    });
    counted.filter(|_| memcgs.is_known() && memcgs.truncated_at.is_none())
}

fn is_root(memcg: &Memcg) -> bool {
    memcg.facts.parent_serial_nr.is_none()
}

fn is_empty(memcg: &Memcg) -> bool {
    memcg.phase.is_none() && memcg.facts.has_tasks == Some(false) && !is_root(memcg)
}

/// Groups the empty cgroups of a snapshot. Those that have existed for less than `least_age_ns` are
/// not called abandoned.
#[must_use]
pub fn list(snapshot: &Snapshot, least_age_ns: u64) -> Empties {
    let memcgs = &snapshot.memcgs.items;
    let places = places::find(memcgs, is_empty);
    let uses = snapshot.cgroup_uses.as_deref();
    let known = uses.map(|uses| uses.cgroups.as_slice()).unwrap_or_default();
    let known: HashMap<u64, &CgroupUse> = known.iter().map(|one| (one.serial_nr, one)).collect();
    let mut alive_below: HashMap<u64, u64> = HashMap::new();
    let mut with_tasks: HashMap<Place, u64> = HashMap::new();
    for (memcg, place) in memcgs.iter().zip(&places.of) {
        if memcg.phase.is_none() {
            if let Some(parent) = memcg.facts.parent_serial_nr {
                *alive_below.entry(parent).or_default() += 1;
            }
            if let Some(place) = place {
                *with_tasks.entry(*place).or_default() += u64::from(!is_empty(memcg));
            }
        }
    }
    let is_complete = uses.is_some_and(|uses| uses.not_checked.is_empty());
    let mut groups: HashMap<(Place, Class), Vec<Member<'_>>> = HashMap::new();
    for (memcg, place) in memcgs.iter().zip(&places.of) {
        let Some(place) = place.filter(|_| is_empty(memcg)) else {
            continue;
        };
        let serial_nr = memcg.id.serial_nr;
        let member = Member {
            memcg,
            used: known.get(&serial_nr).copied().filter(|_| is_complete),
            is_parent: alive_below.contains_key(&serial_nr),
            now_ns: snapshot.mono_ns,
        };
        let class = member.class(least_age_ns);
        groups.entry((place, class)).or_default().push(member);
    }
    let all = groups.values().map(|members| members.len() as u64).sum();
    let named = groups.into_iter().filter_map(|((place, class), members)| {
        let with_tasks = with_tasks.get(&place).copied().unwrap_or(0);
        let mut group = group(&places.paths[place], class, &members)?;
        (group.of_cgroups, group.with_tasks) = (all, with_tasks);
        group.sentence = words::sentence(&group);
        group.commands = words::commands(&group, uses);
        Some(group)
    });
    let mut groups: Vec<Empty> = named.collect();
    groups.sort_by(|a, b| {
        let size = |one: &Empty| (one.class, Reverse(one.cgroups), Reverse(one.usage_bytes));
        let name = |one: &Empty| (one.parent.clone(), one.name.clone());
        size(a).cmp(&size(b)).then_with(|| name(a).cmp(&name(b)))
    });
    let of = |class: Class| {
        let groups = groups.iter().filter(move |one| one.class == class);
        groups.map(|one| one.cgroups).sum::<u64>()
    };
    let empty = count(snapshot);
    let is_whole = is_complete && empty.is_some() && of(Class::NotChecked) == 0;
    Empties {
        empty,
        abandoned: is_whole.then(|| of(Class::Abandoned)),
        groups,
    }
}

/// Returns the reasons why it is not known of some cgroups who uses them.
#[must_use]
pub fn not_checked(uses: Option<&CgroupUses>) -> Vec<String> {
    match uses {
        None => vec!["nobody asked who uses cgroups without tasks".to_owned()],
        Some(uses) => uses.not_checked.clone(),
    }
}

/// An empty cgroup.
struct Member<'a> {
    memcg: &'a Memcg,
    used: Option<&'a CgroupUse>,
    is_parent: bool,
    now_ns: u64,
}

impl Member<'_> {
    fn class(&self, least_age_ns: u64) -> Class {
        let name = self.memcg.id.name.as_bytes();
        let age_ns = self.least_age_ns();
        match self.used {
            _ if WITHOUT_TASKS.iter().any(|end| name.ends_with(end)) => Class::ByDesign,
            Some(used) if used.is_watched || used.is_open => Class::InUse,
            _ if self.is_parent => Class::Parent,
            None => Class::NotChecked,
            Some(_) if age_ns.is_none_or(|age_ns| age_ns < least_age_ns) => Class::Young,
            Some(_) if self.memcg.facts.usage_bytes == Some(0) => Class::Uncharged,
            Some(_) if self.memcg.facts.usage_bytes.is_none() => Class::NotChecked,
            Some(_) => Class::Abandoned,
        }
    }

    fn least_age_ns(&self) -> Option<u64> {
        let seen = self
            .memcg
            .empty
            .map(|empty| self.now_ns.saturating_sub(empty.since_ns));
        seen.max(self.used.and_then(|used| used.least_age_ns))
    }

    fn live_below(&self) -> Option<u64> {
        self.used.and_then(|used| used.live_below)
    }

    /// How long it has been empty: since a walk saw that. If none did, it may have been empty ever
    /// since it was made.
    fn empty_for(&self) -> Option<Since> {
        let empty = self.memcg.empty?;
        Some(Since {
            ns: self.now_ns.saturating_sub(empty.since_ns),
            at_least: !empty.was_seen,
        })
    }
}

fn group((parent, name): &(Text, Text), class: Class, members: &[Member<'_>]) -> Option<Empty> {
    let oldest = members.iter().min_by_key(|one| one.memcg.id.serial_nr)?;
    let largest = members
        .iter()
        .max_by_key(|one| (one.memcg.facts.usage_bytes, Reverse(one.memcg.id.serial_nr)))?;
    let mut times: Vec<Option<Since>> = members.iter().map(Member::empty_for).collect();
    times.sort_by_key(|since| since.map(|since| since.ns));
    Some(Empty {
        parent: parent.clone(),
        name: name.clone(),
        class,
        cgroups: members.len() as u64,
        of_cgroups: 0,
        usage_bytes: sum(members.iter().map(|one| one.memcg.facts.usage_bytes)),
        slab_bytes: sum(members.iter().map(|one| one.memcg.facts.slab_bytes)),
        least_age_ns: { members.iter() }.map(Member::least_age_ns).min().flatten(),
        live_below: { members.iter() }.try_fold(0_u64, |below, one| {
            Some(below.saturating_add(one.live_below()?))
        }),
        empty_for: times.first().copied().flatten(),
        longest: times.last().copied().flatten(),
        with_tasks: 0,
        oldest: Arc::clone(&oldest.memcg.id),
        largest: Largest {
            id: Arc::clone(&largest.memcg.id),
            usage_bytes: largest.memcg.facts.usage_bytes,
            live_below: largest.live_below(),
        },
        sentence: String::new(),
        commands: Vec::new(),
    })
}
