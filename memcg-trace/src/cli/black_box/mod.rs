//! The black box: the last samples in memory, and recordings of incidents in a folder.

pub(super) mod folder;
mod known;
mod lasting;
mod recorder;
mod recording;
mod ring;
mod stats;
mod triggers;
mod writer;

pub(super) use recorder::BlackBox;
pub(super) use stats::Stats;
