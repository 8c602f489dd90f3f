//! Findings about OOM kills: what the memory was, why nothing of it could be reclaimed, and who
//! grew.

mod growth;
mod inheritance;
mod memory;
mod obstacles;
mod parts;
mod past;
mod report;
mod top_caches;

pub(super) use past::Past;
pub(super) use report::report;
