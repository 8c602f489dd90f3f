//! A verdict on each subject, in words: what a person should look at first.

mod event_verdicts;
mod list;
mod memory_verdicts;
mod subject;
mod tool_verdicts;
mod verdict;

pub use list::{all, of};
pub use subject::Subject;
pub use verdict::{State, Verdict};
