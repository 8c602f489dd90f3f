//! The plan for swapped pages, whose owners release them together.

use super::case::Case;
use super::objects;
use super::plan::{Plan, Step, all_found};
use crate::model::pins::words::object as name;
use crate::model::snapshot::Pins;
use crate::sample::pins::{Object, ObjectKind, Pin};

/// The most steps that free swapped pages.
const MAX_STEPS: usize = 6;

/// Returns the plan to have all owners of the swapped pages release them, which together are one
/// reference. `None` if the way is not known for some.
pub(super) fn plan(pins: &Pins, pin: &Pin) -> Option<Plan> {
    let is_id = |object: &&Object| object.kind == ObjectKind::SwapId;
    let id = pin.objects.iter().find(is_id)?;
    let mut steps: Vec<Step> = Vec::new();
    let mut at_most = !all_found(id) || pin.objects_omitted > 0;
    for object in &pin.objects {
        if object.kind == ObjectKind::SwapSlots {
            // A CPU gives them back at a time of its own.
            at_most = true;
            continue;
        }
        if is_id(&object) && object.users.is_empty() {
            continue;
        }
        let case = Case { pins, pin, object };
        // Pages in swap of processes belong to the id itself, those of files to the files.
        let way = match is_id(&object) {
            true => objects::by_holders(&case).ok()?,
            false => objects::ways(&case).into_iter().find_map(Result::ok)?,
        };
        let part = Plan::of_object(&case, way);
        at_most |= part.at_most;
        for step in part.steps {
            let is_said = |one: &Step| (one.action, &one.target) == (step.action, &step.target);
            if !steps.iter().any(is_said) {
                steps.push(step);
            }
        }
    }
    let is_short = (1..=MAX_STEPS).contains(&steps.len());
    is_short.then(|| Plan {
        kind: pin.kind,
        others: 0,
        object: Some(name(pins, id)),
        refs: id.refs,
        pages: id.pages,
        at_most,
        steps,
    })
}
