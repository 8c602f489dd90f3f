//! The reports of `doctor` about a host, about a kernel's files and about a dump: what this program can
//! see there, and the consequence of each gap.

mod dump;
mod fact;
#[cfg(feature = "live")]
mod report;

pub use dump::report_of_dump;
#[cfg(feature = "live")]
pub use report::report;
