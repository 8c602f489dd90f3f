//! The black box: the last samples in memory, and recordings of incidents in a folder.

pub(super) mod folder;
mod known;
mod recorder;
mod recording;
mod stats;
mod triggers;
mod writer;

pub(super) use recorder::BlackBox;
pub(super) use stats::Stats;
