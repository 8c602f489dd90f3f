//! Plans: steps that together free something, and their effect.

use std::cmp::Reverse;

use super::case::Case;
use crate::model::pins::words;
use crate::model::snapshot::{Action, Class};
use crate::sample::Text;
use crate::sample::pins::{Object, Pin, PinKind};

/// The steps that free an object, or the reason why none are advised.
pub(super) type Way = Result<Vec<Step>, String>;

/// One action of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) action: Action,
    pub(super) target: Option<Text>,
    pub(super) amount_bytes: Option<u64>,
    pub(super) why: String,
    /// Whether the step certainly frees what it is meant to free.
    is_sure: bool,
}

impl Step {
    pub(super) fn sure(
        action: Action,
        target: impl Into<Option<Text>>,
        why: impl Into<String>,
    ) -> Self {
        Self {
            action,
            target: target.into(),
            amount_bytes: None,
            why: why.into(),
            is_sure: true,
        }
    }

    /// Creates a step that may free less than it is meant to.
    pub(super) fn unsure(
        action: Action,
        target: impl Into<Option<Text>>,
        why: impl Into<String>,
    ) -> Self {
        Self {
            is_sure: false,
            ..Self::sure(action, target, why)
        }
    }

    /// Marks the step as one that may free less than it is meant to.
    pub(super) fn doubted(mut self) -> Self {
        self.is_sure = false;
        self
    }

    /// Creates a step that does nothing, with the reason.
    pub(super) fn nothing(why: String) -> Self {
        Self::sure(Action::Nothing, None, why)
    }
}

/// Steps that together free something.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) kind: PinKind,
    pub(super) object: Option<String>,
    /// The number of other objects that a reason holds for.
    pub(super) others: u64,
    pub(super) refs: u64,
    pub(super) pages: Option<u64>,
    pub(super) at_most: bool,
}

impl Plan {
    pub(super) fn of_object(case: &Case<'_>, steps: Vec<Step>) -> Self {
        let does_nothing = steps.iter().any(|step| step.action == Action::Nothing);
        let has_holders = steps.iter().any(|step| needs_all_holders(step.action));
        let is_sure = steps.iter().all(|step| step.is_sure);
        let is_complete = case.pin.truncated_at.is_none();
        Self {
            kind: case.pin.kind,
            object: Some(words::object(case.pins, case.object)),
            others: 0,
            refs: if does_nothing { 0 } else { case.object.refs },
            pages: case.object.pages.filter(|_| !does_nothing),
            at_most: !does_nothing
                && !(is_sure && is_complete && (!has_holders || all_found(case.object))),
            steps,
        }
    }

    /// Creates a plan for references without a known object.
    pub(super) fn of_row(pin: &Pin, steps: Vec<Step>) -> Self {
        let does_nothing = steps.iter().any(|step| step.action == Action::Nothing);
        let is_sure = steps.iter().all(|step| step.is_sure);
        Self {
            kind: pin.kind,
            object: None,
            others: 0,
            refs: if does_nothing { 0 } else { pin.refs },
            pages: pin.pages.filter(|_| !does_nothing),
            at_most: !does_nothing && !is_sure,
            steps,
        }
    }

    /// Returns whether the plan has no step but a reason why.
    pub(super) fn is_reason(&self) -> bool {
        self.steps.iter().all(|step| step.action == Action::Nothing)
    }

    pub(super) fn without_object(step: Step) -> Self {
        Self {
            steps: vec![step],
            kind: PinKind::Other,
            object: None,
            others: 0,
            refs: 0,
            pages: None,
            at_most: false,
        }
    }

    /// Returns the cost of the worst of its steps.
    pub(super) fn class(&self) -> Class {
        let classes = self.steps.iter().map(|step| step.action.class());
        classes.max().unwrap_or(Class::Harmless)
    }

    /// Returns the sort key: by class, then by what it frees.
    pub(super) fn order(&self) -> (Class, Reverse<u64>, Action) {
        let last = self.steps.last();
        let action = last.map_or(Action::Nothing, |step| step.action);
        (self.class(), Reverse(self.refs), action)
    }
}

/// Returns whether an action frees an object only if all other holders release it as well.
fn needs_all_holders(action: Action) -> bool {
    match action {
        Action::CloseFd
        | Action::RestartProcess
        | Action::EndProcess
        | Action::Reap
        | Action::Unmount
        | Action::DetachLoop
        | Action::RemoveDevice
        | Action::RemoveFile
        | Action::RemoveSegment
        | Action::AskOwner
        | Action::DropFilePages => true,
        Action::Reclaim
        | Action::Swapoff
        | Action::Sync
        | Action::LookAtChild
        | Action::Wait
        | Action::Nothing => false,
    }
}

/// Returns whether every reference to an object was found: only then is it free when all known
/// holders release it.
pub(super) fn all_found(object: &Object) -> bool {
    let closes = object
        .held
        .as_ref()
        .is_some_and(|held| held.found == held.refs);
    closes && object.users_omitted == 0
}

/// Merges plans with the same steps into one with the sum of their effects, and reasons into one
/// that names the first object.
pub(super) fn merged(plans: Vec<Plan>) -> Vec<Plan> {
    let mut all: Vec<Plan> = Vec::new();
    for plan in plans {
        let Some(same) = all.iter_mut().find(|one| is_same(one, &plan)) else {
            all.push(plan);
            continue;
        };
        same.refs = same.refs.saturating_add(plan.refs);
        same.pages = match (same.pages, plan.pages) {
            (Some(one), Some(two)) => Some(one.saturating_add(two)),
            (one, two) => one.or(two),
        };
        same.at_most |= plan.at_most;
        if same.is_reason() {
            same.others = same.others.saturating_add(1);
        } else if same.object != plan.object {
            same.object = None;
        }
    }
    all
}

fn is_same(one: &Plan, other: &Plan) -> bool {
    let steps = one.steps.iter().zip(&other.steps);
    one.steps.len() == other.steps.len() && { steps }.all(|(one, other)| {
        (one.action, &one.target) == (other.action, &other.target)
            && (one.action != Action::Nothing || one.why == other.why)
    })
}
