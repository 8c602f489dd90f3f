//! Shrinkers: their runs, those in progress, and the tasks that are blocked in one.

pub(crate) mod blocked;
mod counters;
mod history;
mod name;
pub(crate) mod subject;
mod sums;
