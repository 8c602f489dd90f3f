//! What a host, a kernel's files or a dump let this program see, and the consequence of each gap.

mod dump;
mod fact;
#[cfg(feature = "live")]
mod report;

pub use dump::report_of_dump;
#[cfg(feature = "live")]
pub use report::report;
