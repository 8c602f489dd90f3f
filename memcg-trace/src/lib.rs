//! Who holds slab memory, who pins zombie memory cgroups, who waits for whom.
//!
//! Facts flow one way: a [`source`] hands over samples ([`sample`]), the [`model`] makes
//! snapshots of them (who waits for ever is worked out in [`deadlock`]), and the views ([`output`],
//! [`tui`]) draw those, in [`units`] that people read. What cannot be had is absent all the way,
//! never 0. [`cli`] ties it together for the binary.

pub mod cli;
pub mod deadlock;
#[cfg(feature = "live")]
pub mod kernel;
pub mod model;
pub mod output;
pub mod sample;
pub mod source;
pub mod timings;
pub mod tui;
pub mod units;
