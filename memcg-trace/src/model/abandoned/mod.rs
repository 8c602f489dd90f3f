//! Live memory cgroups without a task in or below them, and those of them that nobody seems to
//! need any more.

mod empty;
mod group;
mod words;

pub use empty::{Class, Empties, Empty, Largest, Since};
pub use group::{LEAST_AGE_NS, count, list, not_checked};
