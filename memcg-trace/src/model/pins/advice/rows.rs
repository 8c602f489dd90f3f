//! Ways to free the references of a row without a known object.

use super::plan::{Step, Way};
use crate::model::pins::words::{counted, grouped};
use crate::model::snapshot::{Action, Pins};
use crate::sample::Text;
use crate::sample::pins::{Pin, PinKind};

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
        // Swap that is in use as such can be switched off although nothing is in it.
        (Some(0), _) if target.is_none() => why_not("nothing is in swap"),
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

pub(super) fn stock() -> Vec<Way> {
    vec![Ok(vec![Step::unsure(
        Action::Wait,
        None,
        "a CPU gives its stock back when it charges another memcg",
    )])]
}
