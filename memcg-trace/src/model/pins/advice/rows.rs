//! Ways to free the references of a row without a known object.

use super::plan::{Plan, Step, Way, all_found};
use super::{Case, objects};
use crate::model::pins::words::{counted, grouped, object as name};
use crate::model::snapshot::{Action, Pins};
use crate::sample::Text;
use crate::sample::pins::{Object, ObjectKind, Pin, PinKind};

/// The most steps that free swapped pages.
const MAX_STEPS: usize = 6;

/// Returns the ways for a row without a known object.
pub(super) fn ways(pins: &Pins, pin: &Pin) -> Vec<Way> {
    match pin.kind {
        PinKind::Swap => vec![swapoff(pins)],
        PinKind::Stock => stock(),
        PinKind::Writeback => vec![Err("which device it is to was not found".into())],
        kind => vec![Err(format!(
            "what the {} belong to was not found",
            counted(kind, pin.refs)
        ))],
    }
}

/// Returns the way to switch all swap off, which needs memory for its pages.
pub(super) fn swapoff(pins: &Pins) -> Way {
    swapoff_of(pins, None)
}

/// Returns the way to switch off the swap on `target`, or all swap.
pub(super) fn swapoff_of(pins: &Pins, target: Option<Text>) -> Way {
    let look = &pins.look;
    let why_not = |why: &str| Err(format!("swapoff would be refused: {why}"));
    match (look.used_swap_bytes, look.available_bytes) {
        (Some(0), _) => why_not("there is no swap"),
        (Some(used), Some(available)) if used < available => Ok(vec![Step::sure(
            Action::Swapoff,
            target,
            format!(
                "brings back what is in swap, {} MiB of the host, into {} MiB that are available",
                grouped(used >> 20),
                grouped(available >> 20)
            ),
        )]),
        (Some(used), Some(available)) => why_not(&format!(
            "{} MiB are in swap, and {} MiB are available",
            grouped(used >> 20),
            grouped(available >> 20)
        )),
        _ => Err("whether there is memory for what is in swap is not known".into()),
    }
}

/// Returns the plan to have all owners of the swapped pages release them, which together are one
/// reference. `None` if the way is not known for some.
pub(super) fn swapped(pins: &Pins, pin: &Pin) -> Option<Plan> {
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
        object: Some(name(pins, id)),
        refs: id.refs,
        pages: id.pages,
        at_most,
        steps,
    })
}

pub(super) fn stock() -> Vec<Way> {
    vec![Ok(vec![Step::unsure(
        Action::Wait,
        None,
        "a CPU gives its stock back when it charges another memcg",
    )])]
}
