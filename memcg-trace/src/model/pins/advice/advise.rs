//! All advice for one zombie.

use std::collections::HashSet;

use super::case::Case;
use super::plan::{self, Plan, Step, Way};
use super::{objects, reclaim, rows, swapped};
use crate::model::snapshot::advice::{Advice, Cause, Frees};
use crate::model::snapshot::{Action, Phase, Pins};
use crate::sample::pins::{Object, ObjectKind, Pin, PinKind};
use crate::units::{self, PAGE_BYTES};

/// Pieces of advice for one zombie: for more, query again after the first.
const MAX_ADVICE: usize = 16;

/// Returns the advice: the harmless first, then what frees most.
pub(in crate::model) fn advise(pins: &Pins) -> Vec<Advice> {
    let mut plans = Vec::new();
    let mut reasons = Vec::new();
    let reclaim = reclaim::plan(pins);
    for pin in &pins.found.pins {
        let parts = swapped::plan(pins, pin);
        let has_parts = parts.is_some();
        plans.extend(parts);
        for object in &pin.objects {
            if is_part(pin, object) {
                continue;
            }
            let case = Case { pins, pin, object };
            let is_done = has_parts || reclaim.is_some() && reclaim::takes_all(&case);
            let ways = match object.kind {
                // The plan of the parts has its holders as well.
                ObjectKind::SwapId if has_parts => vec![rows::swapoff(pins)],
                _ => objects::ways(&case),
            };
            sort_out(
                ways,
                &|steps| Plan::of_object(&case, steps),
                is_done,
                &mut plans,
                &mut reasons,
            );
        }
        if pin.objects.is_empty() {
            let is_done = reclaim.is_some() && reclaim::takes_row(pins, pin);
            sort_out(
                rows::ways(pins, pin),
                &|steps| Plan::of_row(pin, steps),
                is_done,
                &mut plans,
                &mut reasons,
            );
        }
    }
    let mut plans = plan::merged(plans);
    plans.extend(reclaim);
    plans.sort_by_key(Plan::order);
    reasons = plan::merged(reasons);
    reasons.sort_by_key(Plan::order);
    plans.extend(reasons);
    if plans.is_empty() {
        plans.extend(without_pins(pins));
    }
    bounded(plans, pins)
}

/// Returns whether an object is a part of another one of its row, without a reference of its own: a
/// file that has pages in swap, inodes in writeback or reserved huge pages.
fn is_part(pin: &Pin, object: &Object) -> bool {
    let whole = match pin.kind {
        PinKind::Swap => ObjectKind::SwapId,
        PinKind::Writeback => ObjectKind::Writeback,
        PinKind::ControllerCss => ObjectKind::Css,
        _ => return false,
    };
    object.kind != whole
}

/// Makes plans of the possible ways; without one, the first impossible way gives the reason.
fn sort_out(
    ways: Vec<Way>,
    plan: &dyn Fn(Vec<Step>) -> Plan,
    is_done: bool,
    plans: &mut Vec<Plan>,
    reasons: &mut Vec<Plan>,
) {
    let mut why_not = None;
    let before = plans.len();
    for way in ways {
        match way {
            // Reclaim drops the pages of all files at once.
            Ok(steps) if is_done && drops_pages(&steps) => {}
            Ok(steps) => plans.push(plan(steps)),
            Err(why) => why_not = why_not.or(Some(why)),
        }
    }
    if plans.len() == before && !is_done {
        let why = why_not.unwrap_or_else(|| "nothing is known that would free it".to_owned());
        reasons.push(plan(vec![Step::nothing(why)]));
    }
}

fn drops_pages(steps: &[Step]) -> bool {
    let last = steps.last();
    last.is_some_and(|step| step.action == Action::DropFilePages)
}

/// Returns the advice where no pins were found.
fn without_pins(pins: &Pins) -> Option<Plan> {
    let refs = pins.found.refs;
    let step = match pins.phase {
        Some(Phase::Freeing) => Step::sure(Action::Wait, None, "its last reference is gone"),
        _ if refs == Some(0) => Step::sure(Action::Wait, None, "its last reference is gone"),
        Some(Phase::Populated | Phase::KillPending | Phase::OfflineQueued) => Step::nothing(
            "it is not dead yet: if it stays like that, `memcg-trace locks` says who waits for whom"
                .to_owned(),
        ),
        Some(Phase::Pinned) | None => {
            Step::nothing("what holds it was not found, so nothing can be advised".to_owned())
        }
    };
    Some(Plan::without_object(step))
}

/// Returns at most `MAX_ADVICE` steps of whole plans, and each reason once.
fn bounded(plans: Vec<Plan>, pins: &Pins) -> Vec<Advice> {
    let of_refs = pins.found.refs.and_then(|refs| u64::try_from(refs).ok());
    let mut all: Vec<Advice> = Vec::new();
    let mut reasons = HashSet::new();
    for mut plan in plans {
        if plan.is_reason() && !reasons.insert(plan.steps[0].why.clone()) {
            continue;
        }
        if plan.others > 0 {
            let others = units::things(plan.others, "other object");
            plan.steps[0].why += &format!("; the same holds for {others}");
        }
        if all.len() + plan.steps.len() > MAX_ADVICE {
            break;
        }
        let class = plan.class();
        let steps = plan.steps.len();
        let frees = Frees {
            refs: plan.refs,
            of_refs,
            bytes: plan.pages.map(|pages| pages.saturating_mul(PAGE_BYTES)),
            at_most: plan.at_most,
        };
        let cause = Cause {
            kind: plan.kind,
            object: plan.object,
        };
        all.extend((1..).zip(plan.steps).map(|(number, step)| Advice {
            action: step.action,
            target: step.target,
            amount_bytes: step.amount_bytes,
            why: step.why,
            class,
            step: number,
            steps,
            frees,
            cause: cause.clone(),
        }));
    }
    all
}
