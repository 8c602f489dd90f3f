//! Reports for mailing lists: plain text that says which kernel it is, what was found, by which
//! evidence, what was not looked at, and how to reproduce it.

mod ending;
mod header;
mod locks;
mod page;
mod pins;
mod slab;
mod taint;
mod why;

pub(super) use header::facts;
pub use locks::{locks, proof};
pub use pins::pins;
pub use slab::slab;
pub use why::why;
