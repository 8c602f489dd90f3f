//! Balance of reclaim: rules that find memory taken from the wrong places.
//!
//! Each rule judges the growth of sums over several intervals, so that a burst finds nothing. The
//! bounds are such that a quiet or evenly loaded host has no findings.

mod list;
mod memcgs;
mod moment;
mod oom;
mod rules;
mod shrinkers;
mod window;

pub(super) use rules::Balance;
pub use rules::NEAR_HIGH;
