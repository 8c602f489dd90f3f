//! A page for a post-mortem: what a span of time of a recording shows, as one file of HTML that
//! loads nothing.

mod clock;
mod deadlocks;
mod findings;
mod gathered;
mod graph;
mod headline;
mod memory;
mod of;
mod page;
mod peaks;
mod plot;
mod pressure;
mod recorded;
mod tables;
mod verdict;

pub use gathered::Gathered;
pub use of::Of;
pub use page::page;
