//! Undecided waits, for people: those that may or may not end.

use std::fmt::Write as _;

use crate::deadlock::{OpenEnd, words};
use crate::model::snapshot::{Judged, Snapshot};
use crate::sample::sanitized;
use crate::units;

/// Summary of the undecided waits, and of the places where they end.
pub(super) fn sum(judged: &Judged) -> String {
    let waits = match judged.undecided_waits {
        1 => "1 wait ends".to_owned(),
        waits => format!("{waits} waits end"),
    };
    match &judged.open_ends[..] {
        [end] => format!("{waits} at {}", place(end)),
        ends => format!(
            "{waits} at {} things that nobody is known to end",
            ends.len()
        ),
    }
}

/// The resource, and the function that waits for it.
fn place(end: &OpenEnd) -> String {
    let mut text = words::resource(&end.resource);
    if let Some(function) = &end.function {
        let _ = write!(text, " in {}()", sanitized(function));
    }
    text
}

/// One line for each place where undecided waits end.
pub(super) fn lines(snapshot: &Snapshot) -> Vec<String> {
    let judged = snapshot.judged.iter();
    let line = |end: &OpenEnd| {
        let mut text = match end.waits {
            1 => "undecided: 1 wait".to_owned(),
            waits => format!("undecided: {waits} waits"),
        };
        if end.max_wait_ns.is_some() {
            let _ = write!(text, " of up to {}", units::duration(end.max_wait_ns));
        }
        let _ = write!(text, " at {}", place(end));
        if let Some(waiter) = &end.waiter {
            let _ = write!(text, ", where {} is", words::task(waiter));
        }
        let _ = write!(text, ": {}", sanitized(&end.why));
        text
    };
    judged
        .flat_map(|judged| &judged.open_ends)
        .map(line)
        .collect()
}
