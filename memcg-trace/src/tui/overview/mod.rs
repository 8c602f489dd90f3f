//! The first tab: a verdict on each subject, the worst first, and the newest findings.

mod event_verdicts;
mod findings;
mod memory_verdicts;
mod subject;
mod tool_verdicts;
mod trends;
mod verdict;
mod verdicts;
mod view;

pub use trends::Trends;
pub(super) use view::Overview;
