//! The first tab: a verdict on each subject, the worst first, and the newest findings.

mod findings;
mod trends;
mod view;

pub use trends::Trends;
pub(super) use view::Overview;
