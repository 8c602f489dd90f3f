//! The steps of a memory cgroup that is offline: what pins it, and what is not known of that.

use super::answer::{State, Step, What};
use crate::model::pins::phrase;
use crate::model::pins::words::{grouped, kind};
use crate::model::snapshot::Pins;
use crate::sample::sanitized;

/// The steps of a ledger.
pub(super) fn steps(pins: &Pins, depth: u32) -> Vec<Step> {
    let mut steps: Vec<Step> = pins
        .found
        .pins
        .iter()
        .map(|pin| {
            let text = format!("pinned by {}", phrase(pins, pin));
            let mut step = Step::new(What::Pin, State::Now, text).deep(depth);
            step.pin = Some(pin.kind);
            step
        })
        .collect();
    let unexplained = match pins.unexplained_refs {
        Some(0) => None,
        Some(refs) if refs > 0 => Some(match pins.found.pins.is_empty() {
            true => format!(
                "{} references: nothing was found that holds them",
                grouped(refs.unsigned_abs())
            ),
            false => format!(
                "{} more references: who holds them is not known",
                grouped(refs.unsigned_abs())
            ),
        }),
        Some(refs) => Some(format!(
            "{} more references were found than it has: it changed meanwhile",
            grouped(refs.unsigned_abs())
        )),
        None => Some("how many references it has is not known yet".to_owned()),
    };
    if let Some(text) = unexplained {
        steps.push(Step::new(What::Unexplained, State::NotKnown, text).deep(depth));
    }
    for open in &pins.found.not_checked {
        let text = format!(
            "pins of kind {} were not looked at: {}",
            kind(open.kind),
            sanitized(&open.reason)
        );
        steps.push(Step::new(What::Unexplained, State::NotKnown, text).deep(depth));
    }
    steps
}
