//! Waits, holds, reclaim and runs of shrinkers as Chrome trace events, which Perfetto shows.
//!
//! The format: "Trace Event Format", by the authors of Chrome's tracing.

mod events;
mod gathered;
mod seen;
mod span;

pub use events::write;
pub use gathered::Spans;
