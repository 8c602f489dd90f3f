//! The timeline of a memory cgroup: alive, on its way to be released, or kept.

use std::sync::Arc;

use super::answer::{State, Step, What, When, Why};
use super::chain;
use super::find::{Subject, Target};
use super::pinned;
use super::rmdir;
use super::seen::Seen;
use super::work_item;
use crate::deadlock::Start;
use crate::model::snapshot::{Memcg, Phase, Pins, Snapshot};
use crate::model::zombies;
use crate::sample::removals::{Removal, RemovalStep, Removals};
use crate::sample::sanitized;

/// Bound on the children that are followed, each the child of the one before.
const MAX_LEVELS: u32 = 64;

/// Returns whether only its references keep a target, so that its pins are the answer.
#[must_use]
pub fn needs_pins(snapshot: &Snapshot, target: &Target) -> bool {
    match target.subject {
        Subject::DeadCgroup => true,
        Subject::Alive | Subject::Gone => false,
        Subject::Dead => {
            let phase = memcg(snapshot, target).and_then(|memcg| memcg.phase);
            phase == Some(Phase::Pinned) || removal(snapshot, target.id.serial_nr).is_none()
        }
    }
}

/// Returns whether `rmdir(2)` of a target may be refused for cgroups that no list has: those without
/// the memory controller. The kernel's count of them is part of who uses cgroups without tasks.
#[must_use]
pub fn needs_uses(snapshot: &Snapshot, target: &Target) -> bool {
    let is_empty = |memcg: &Memcg| memcg.facts.has_tasks == Some(false);
    target.subject == Subject::Alive && memcg(snapshot, target).is_some_and(is_empty)
}

/// Returns the timeline of a memory cgroup.
#[must_use]
pub fn of_memcg(snapshot: &Snapshot, target: &Target, seen: &Seen) -> Why {
    let mut why = Why {
        memcg: Some(Arc::clone(&target.id)),
        others: target.others,
        ..Why::default()
    };
    let pins = zombies::pins_of(snapshot, target.id.serial_nr);
    let memcg = memcg(snapshot, target);
    (why.sentence, why.steps) = match (target.subject, memcg) {
        (Subject::Alive, Some(memcg)) => rmdir::alive(snapshot, memcg, removals(snapshot)),
        (Subject::DeadCgroup, _) => of_cgroup(pins),
        (Subject::Dead, Some(memcg)) => dead(snapshot, memcg, pins, seen),
        _ => gone(target, seen),
    };
    if chain::is_told(&why.steps) {
        why.steps.extend(chain::age(snapshot));
    }
    why
}

fn memcg<'a>(snapshot: &'a Snapshot, target: &Target) -> Option<&'a Memcg> {
    let mut items = snapshot.memcgs.items.iter();
    items.find(|memcg| memcg.id.serial_nr == target.id.serial_nr)
}

fn removals(snapshot: &Snapshot) -> Option<&Removals> {
    let look = snapshot.judged.as_ref()?.answer.looks.first()?;
    look.removals.as_ref()
}

/// The removal of a dead memory cgroup that the last answer has.
fn removal(snapshot: &Snapshot, serial_nr: u64) -> Option<&Removal> {
    let mut list = removals(snapshot)?.list.iter();
    list.find(|one| one.serial_nr == serial_nr && one.step != RemovalStep::Rmdir)
}

/// The timeline of a memory cgroup that was released.
fn gone(target: &Target, seen: &Seen) -> (String, Vec<Step>) {
    let serial_nr = target.id.serial_nr;
    let mut steps = removed(seen, serial_nr);
    for what in [What::Drained, What::KillConfirmed] {
        steps.extend(seen.causes(serial_nr, what));
    }
    steps.push(when_known(
        What::Offline,
        "went offline",
        seen.offline(serial_nr),
    ));
    steps.extend(seen.causes(serial_nr, What::Offline));
    steps.extend(seen.causes(serial_nr, What::Pin));
    let released = seen.released(serial_nr);
    steps.push(when_known(What::Released, "released", released));
    ("it is gone: released".to_owned(), steps)
}

/// A step that is over.
fn when_known(what: What, text: &str, when: When) -> Step {
    let text = match when.is_unknown() {
        true => format!("{text}; when is not known: nobody watched"),
        false => text.to_owned(),
    };
    Step::new(what, State::Done, text).when(when)
}

/// The removal itself, after the `rmdir(2)` that was seen.
fn removed(seen: &Seen, serial_nr: u64) -> Vec<Step> {
    let mut steps = seen.causes(serial_nr, What::Rmdir);
    let when = seen.removed(serial_nr);
    steps.push(when_known(What::Removed, "removed", when));
    steps
}

/// The timeline of a dead cgroup whose memory cgroup is gone.
fn of_cgroup(pins: Option<&Pins>) -> (String, Vec<Step>) {
    let mut steps = vec![
        when_known(What::Removed, "removed", When::default()),
        when_known(
            What::Offline,
            "it has no memory cgroup any more, or never had one: what is kept is the cgroup itself",
            When::default(),
        ),
    ];
    let sentence = kept(pins, &mut steps);
    (sentence, steps)
}

/// What keeps a target that is offline.
fn kept(pins: Option<&Pins>, steps: &mut Vec<Step>) -> String {
    let Some(pins) = pins else {
        steps.push(Step::unknown(0, "what pins it was not looked at"));
        return "it is offline, and what pins it was not looked at".to_owned();
    };
    steps.extend(pinned::steps(pins, 0));
    let is_closed = pins.unexplained_refs == Some(0) && !pins.found.changed;
    let text = match is_closed {
        _ if pins.found.refs == Some(0) => "to be released: its last reference is gone",
        true => "to be released when these references are gone",
        false => "to be released when all references are gone: not all of them are known",
    };
    steps.push(Step::new(What::Released, State::ToCome, text));
    pins.sentence.clone()
}

fn dead(
    snapshot: &Snapshot,
    memcg: &Memcg,
    pins: Option<&Pins>,
    seen: &Seen,
) -> (String, Vec<Step>) {
    let serial_nr = memcg.id.serial_nr;
    let removal = removal(snapshot, serial_nr);
    // The later look counts.
    let phase = match (memcg.phase, pins.and_then(|pins| pins.phase)) {
        (Some(listed), Some(asked)) => listed.max(asked),
        (phase, None) => phase.unwrap_or(Phase::Pinned),
        (None, Some(asked)) => asked,
    };
    let mut steps = removed(seen, serial_nr);
    if let Some(step) = switched_off(snapshot, memcg) {
        steps.push(step);
    }
    if phase > Phase::Populated && memcg.facts.populated.is_some() {
        let when = seen.reached(serial_nr, Phase::KillPending);
        steps.push(when_known(
            What::Drained,
            "the last tasks have left it",
            when,
        ));
        steps.extend(seen.causes(serial_nr, What::Drained));
    }
    if phase > Phase::KillPending {
        let when = seen.reached(serial_nr, Phase::OfflineQueued);
        let text = "every CPU has seen that it was removed";
        steps.push(when_known(What::KillConfirmed, text, when));
        steps.extend(seen.causes(serial_nr, What::KillConfirmed));
    }
    match phase {
        Phase::Populated | Phase::KillPending | Phase::OfflineQueued => {
            let sentence = on_its_way(snapshot, phase, removal, seen, serial_nr, &mut steps);
            steps.push(Step::new(
                What::Released,
                State::ToCome,
                "to be released after that",
            ));
            (sentence, steps)
        }
        Phase::Pinned => {
            steps.push(when_known(
                What::Offline,
                "went offline",
                seen.offline(serial_nr),
            ));
            steps.extend(seen.causes(serial_nr, What::Offline));
            let sentence = kept(pins, &mut steps);
            (sentence, steps)
        }
        Phase::Freeing => {
            steps.push(when_known(
                What::Offline,
                "went offline",
                seen.offline(serial_nr),
            ));
            steps.extend(seen.causes(serial_nr, What::Offline));
            let sentence = match removal {
                Some(removal) => at_step(snapshot, removal, &mut steps, 0),
                None => None,
            };
            steps.push(Step::new(
                What::Released,
                State::ToCome,
                "to be released after that",
            ));
            let text = "its last reference is gone, and it is being freed";
            let cause = sentence.map_or_else(String::new, |why| format!(": {why}"));
            (format!("{text}{cause}"), steps)
        }
    }
}

/// A memory cgroup dies without a removal if its controller is switched off; the cgroup may then
/// have another.
fn switched_off(snapshot: &Snapshot, memcg: &Memcg) -> Option<Step> {
    let mut items = snapshot.memcgs.items.iter();
    let is_other = |other: &&Memcg| {
        other.phase.is_none()
            && other.id.cgroup_id == memcg.id.cgroup_id
            && other.id.serial_nr != memcg.id.serial_nr
    };
    items.find(is_other).map(|_| {
        let text = "its cgroup is alive and has another memory cgroup: the controller was \
                    switched off and on again";
        Step::new(What::Removed, State::Done, text).deep(1)
    })
}

/// The step that a removal is at, with its causes. Returns the cause in one line.
fn on_its_way(
    snapshot: &Snapshot,
    phase: Phase,
    removal: Option<&Removal>,
    seen: &Seen,
    serial_nr: u64,
    steps: &mut Vec<Step>,
) -> String {
    let (what, text) = match phase {
        Phase::Populated => (What::Drained, "tasks are still exiting in it"),
        Phase::KillPending => (
            What::KillConfirmed,
            "the kernel waits for every CPU to see that it was removed",
        ),
        _ => (What::Offline, "it waits for its turn to be taken offline"),
    };
    let since = seen.reached(serial_nr, phase);
    steps.push(Step::new(what, State::Now, text).when(since));
    let cause = match removal {
        Some(removal) => at_step(snapshot, removal, steps, 1),
        None => {
            steps.push(Step::unknown(1, not_found(snapshot)));
            None
        }
    };
    if phase != Phase::OfflineQueued {
        let text = "to be taken offline after that";
        steps.push(Step::new(What::Offline, State::ToCome, text));
    }
    match cause {
        Some(cause) => format!("{text}: {cause}"),
        None => format!("{text}; what for is not known"),
    }
}

/// The reason why the answer does not have a removal.
fn not_found(snapshot: &Snapshot) -> String {
    match (snapshot.judged.as_deref(), removals(snapshot)) {
        (None, _) => "what it waits for was not looked at".to_owned(),
        (Some(_), None) => "what it waits for was not looked for in this answer".to_owned(),
        (Some(_), Some(removals)) => match (&removals.not_checked, removals.omitted) {
            (Some(reason), _) => {
                format!("what it waits for could not be read: {}", sanitized(reason))
            }
            (None, 0) => "it changed while it was looked at: ask again".to_owned(),
            (None, omitted) => format!(
                "what it waits for is not in this answer, which leaves out {omitted} removals"
            ),
        },
    }
}

/// The steps of a removal and of what it waits for. Returns the cause in one line.
fn at_step(
    snapshot: &Snapshot,
    removal: &Removal,
    steps: &mut Vec<Step>,
    depth: u32,
) -> Option<String> {
    if let Some(reason) = &removal.not_known {
        let text = format!("what it waits for was not found: {}", sanitized(reason));
        steps.push(Step::unknown(depth, text));
        return None;
    }
    if removal.step == RemovalStep::Children {
        return behind_child(snapshot, removal, steps, depth);
    }
    let mut depth = depth;
    if let Some(item) = &removal.work {
        steps.extend(work_item::steps(snapshot, item, depth));
        depth += 1;
    }
    let resource = removal.resource?;
    if removal.step == RemovalStep::Grace {
        let text = "a grace period of RCU comes first";
        steps.push(Step::new(What::Wait, State::Now, text).deep(depth));
    }
    let (chain, cause) = chain::steps(snapshot, Start::Resource(resource), depth);
    steps.extend(chain);
    cause
}

/// A parent goes offline with its last child (kernel/cgroup/cgroup.c: css_killed_work_fn()).
fn behind_child(
    snapshot: &Snapshot,
    removal: &Removal,
    steps: &mut Vec<Step>,
    depth: u32,
) -> Option<String> {
    let serial_nr = removal.child_serial_nr?;
    let mut items = snapshot.memcgs.items.iter();
    let child = items.find(|memcg| memcg.id.serial_nr == serial_nr);
    let name = child.map_or_else(
        || format!("child serial_nr:{serial_nr}"),
        |child| format!("its child {}", child.id.shown()),
    );
    let text = format!("{name} has to go offline first");
    let mut step = Step::new(What::Offline, State::Now, text.clone()).deep(depth);
    step.memcg = child.map(|child| Arc::clone(&child.id));
    steps.push(step);
    let next = self::removal(snapshot, serial_nr).filter(|_| depth < MAX_LEVELS);
    let Some(next) = next else {
        steps.push(Step::unknown(
            depth + 1,
            "what the child waits for is not known",
        ));
        return Some(text);
    };
    at_step(snapshot, next, steps, depth + 1).or(Some(text))
}
