//! The ways to free references that need no object to be told.

use super::plan::{Step, Way};
use crate::model::pins::words::{counted, grouped};
use crate::model::snapshot::{Action, Pins};
use crate::sample::Text;
use crate::sample::pins::{Pin, PinKind};

/// Ways for a row of which no object is known.
pub(super) fn ways(pins: &Pins, pin: &Pin) -> Vec<Way> {
    match pin.kind {
        PinKind::Swap => vec![swapoff(pins)],
        PinKind::Stock => stock(),
        PinKind::Writeback => writeback(None),
        kind => vec![Err(format!(
            "what the {} belong to was not found",
            counted(kind, pin.refs)
        ))],
    }
}

/// Swap can be switched off where there is room for what is in it.
pub(super) fn swapoff(pins: &Pins) -> Way {
    swapoff_of(pins, None)
}

/// The same of one device or file.
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

pub(super) fn stock() -> Vec<Way> {
    vec![Ok(vec![Step::unsure(
        Action::Wait,
        None,
        "a CPU gives its stock back when it charges another memcg",
    )])]
}

pub(super) fn writeback(device: Option<Text>) -> Vec<Way> {
    vec![Ok(vec![Step::unsure(
        Action::Sync,
        device,
        "it goes when what is dirty is written to that device and the kernel gives its inodes to \
         another",
    )])]
}
