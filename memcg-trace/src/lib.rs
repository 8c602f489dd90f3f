//! Observes slab memory, zombie memory cgroups, reclaim, and waits for locks.
//!
//! Facts flow one way: a [`source`] delivers samples ([`sample`]), the [`model`] makes snapshots of
//! them ([`deadlock`] judges the waits), and the views ([`output`], [`tui`]) draw the snapshots, in
//! [`units`] that people read. A figure that is not available is absent in all layers, never 0.
//! [`cli`] ties the layers together for the binary.

pub mod cli;
pub mod deadlock;
pub mod kernel;
pub mod model;
pub mod output;
pub mod sample;
pub mod source;
pub mod timings;
pub mod tui;
pub mod units;
